-- Messages that go out at a later time, once. The row's id is the send's operation id, so that a repeat after a
-- crash finds the first in the log.
create table scheduled_messages (
  id uuid primary key,
  conversation_id uuid not null references conversations (id) on delete cascade,
  sender_id uuid not null references users (id) on delete cascade,
  client_id uuid,
  request_hash bytea not null check (octet_length(request_hash) = 16),
  -- Emptied once it is sent or cancelled: then no copy of the text is left here.
  content text not null,
  reply_to uuid,
  thread_root_id uuid,
  mentions jsonb,
  send_at timestamptz(3) not null,
  created_at timestamptz(3) not null default now(),
  -- sending: a node has begun, and whether the message is in the log is not known here.
  status text not null default 'pending' check (status in ('pending', 'sending', 'sent', 'failed', 'cancelled')),
  -- Why it failed: an error's code.
  reason text,
  -- When it is worked on next: its time, then the end of a lease or of the pause after a failure.
  due_at timestamptz(3),
  attempts integer not null default 0,
  -- The first attempt whose outcome is not known.
  attempted_at timestamptz(3),
  settled_at timestamptz(3),
  check ((due_at is not null) = (status in ('pending', 'sending'))),
  check ((settled_at is null) = (status in ('pending', 'sending')))
) with (fillfactor = 70);

create unique index scheduled_messages_by_client on scheduled_messages (conversation_id, sender_id, client_id)
  where client_id is not null;
create index scheduled_messages_by_sender on scheduled_messages (sender_id, conversation_id, send_at, id)
  where status in ('pending', 'sending', 'failed');
create index scheduled_messages_by_turn on scheduled_messages (due_at, id) where due_at is not null;
create index scheduled_messages_by_end on scheduled_messages (settled_at) where settled_at is not null;
