set local lock_timeout = '5s';
alter table conversation_members drop column preferences_xid;
