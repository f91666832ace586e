-- The transaction that last changed a member's preferences, so that what the bus lost of them can be told again.
-- Null until they change: no row is written for it now.
set local lock_timeout = '5s';
alter table conversation_members add column preferences_xid bigint;
