drop table retention_runs;
drop trigger heads_purge_deleted on heads;
drop function purge_deleted_conversation();
drop table purges;
drop table erasures;
drop index sessions_by_device;
drop index users_by_suspension;
alter table users drop column suspended_at, drop column deleted_at;
