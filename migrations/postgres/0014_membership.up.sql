-- Who was in a conversation and is no more: what erasing an account has to look through, and what a client that
-- comes back is told. Without foreign keys: it outlives the conversation, and is written behind the locks of
-- heads and members, where taking a user's row would be against the order of locks.
create table past_memberships (
  user_id uuid not null,
  conversation_id uuid not null,
  reason text not null check (reason in ('left', 'removed', 'deleted')),
  ended_at timestamptz(3) not null,
  primary key (user_id, conversation_id)
);

-- Whoever knows the code may join while it lasts.
create table invites (
  code text primary key check (code ~ '^[A-Za-z0-9_-]{22}$'),
  conversation_id uuid not null references conversations (id) on delete cascade,
  created_by uuid not null references users (id),
  created_at timestamptz(3) not null,
  expires_at timestamptz(3),
  max_uses integer check (max_uses > 0),
  uses integer not null default 0 check (uses >= 0),
  check (uses <= max_uses)
);

create index invites_of_conversation on invites (conversation_id, created_at, code);

create index conversation_members_by_joining on conversation_members (conversation_id, joined_at, user_id);

-- For the end of a conversation, which takes these with it.
create index hidden_messages_by_conversation on hidden_messages (conversation_id);
