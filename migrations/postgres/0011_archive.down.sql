drop table archived_messages;
