-- When pointers passed messages: those above from_seq, up to seq. The twin of Cassandra's message_receipts for the
-- standalone server; without foreign keys, as it is written after the fact.
create table message_receipts (
  conversation_id uuid not null,
  user_id uuid not null,
  -- 1 delivered, 2 read
  kind smallint not null check (kind in (1, 2)),
  seq bigint not null,
  from_seq bigint not null check (from_seq < seq),
  -- Microseconds since 1970.
  passed_at bigint not null,
  primary key (conversation_id, user_id, kind, seq)
);
