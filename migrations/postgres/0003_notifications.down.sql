drop table developer_outbox;
drop table notification_claims;
drop table push_tokens;
