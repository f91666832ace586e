drop table scheduled_messages;
