-- Prefixes as ranges of bytes, whatever the database's locale, and read in order.
drop index users_by_username_prefix;
create index users_by_username on users (username_key collate "C") where status = 'active';
create index audit_log_by_target on audit_log (target, id) where target is not null;
