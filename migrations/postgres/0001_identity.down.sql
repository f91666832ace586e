drop table audit_log;
drop function refuse_change;
drop table signing_keys, refresh_tokens, sessions, credentials, identities, users;
