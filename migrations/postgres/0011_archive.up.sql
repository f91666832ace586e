-- The archive of the standalone server, which runs without Cassandra; the same columns as its table.
create table archived_messages (
  conversation_id uuid not null,
  seq bigint not null,
  era integer not null,
  rev bigint not null,
  ordinal bigint not null,
  stamp bigint not null,
  sender_id uuid not null,
  operation_id uuid not null,
  payload text not null,
  primary key (conversation_id, seq, era)
);
