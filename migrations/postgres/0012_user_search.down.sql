drop index audit_log_by_target;
drop index users_by_username;
create index users_by_username_prefix on users (username_key text_pattern_ops) where status = 'active';
