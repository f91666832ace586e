create table conversations (
  id uuid primary key,
  kind text not null check (kind in ('direct', 'group')),
  name text check (char_length(name) between 1 and 128),
  description text check (char_length(description) <= 1024),
  avatar_url text,
  post_policy text not null default 'everyone' check (post_policy in ('everyone', 'admins')),
  invite_policy text not null default 'everyone' check (invite_policy in ('everyone', 'admins')),
  info_policy text not null default 'everyone' check (info_policy in ('everyone', 'admins')),
  history_visibility text not null default 'joined' check (history_visibility in ('joined', 'all')),
  message_ttl integer check (message_ttl > 0),
  member_count integer not null check (member_count between 0 and 10000),
  created_by uuid not null references users (id),
  created_at timestamptz(3) not null default now(),
  -- The creator's clientId makes creating a group idempotent; the hash tells another request by that id.
  client_id uuid,
  request_hash bytea,
  check (kind = 'group' or (name is null and description is null)),
  check ((client_id is null) = (request_hash is null)),
  unique (created_by, client_id)
);

-- One direct conversation per pair, whoever opens it and however often at once.
create table direct_pairs (
  low uuid not null references users (id),
  high uuid not null references users (id),
  conversation_id uuid not null unique references conversations (id) on delete cascade,
  primary key (low, high),
  check (low < high)
);

create table conversation_members (
  conversation_id uuid not null references conversations (id) on delete cascade,
  user_id uuid not null references users (id),
  role text not null check (role in ('owner', 'admin', 'moderator', 'member')),
  joined_at timestamptz(3) not null default now(),
  -- The conversation's seq when the member joined: with history_visibility 'joined' they see what is above.
  joined_seq bigint not null,
  delivered_seq bigint not null,
  read_seq bigint not null,
  -- heads.ordinal at read_seq, so that unread = heads.ordinal - read_ordinal without counting messages.
  read_ordinal bigint not null,
  muted_until timestamptz(3),
  notify text not null default 'all' check (notify in ('all', 'mentions', 'none')),
  pinned boolean not null default false,
  archived boolean not null default false,
  draft text check (char_length(draft) <= 8000),
  primary key (conversation_id, user_id),
  check (read_seq <= delivered_seq)
) with (fillfactor = 80);

create index conversation_members_by_user on conversation_members (user_id, conversation_id);

-- The state of each conversation's log. Every send updates one row: nothing here is indexed but the key, so
-- that updates stay within the page (HOT).
create table heads (
  conversation_id uuid primary key references conversations (id) on delete cascade,
  epoch text not null,
  seq bigint not null default 0,
  rev bigint not null default 0,
  -- Messages that are not system messages.
  ordinal bigint not null default 0,
  -- Microseconds since 1970 of the last row: strictly rising, whatever the clock does.
  stamp bigint not null default 0,
  -- Bumped by everything that a send's authorisation rests on: members, roles, policies, blocks.
  member_version bigint not null default 1,
  -- The last message, its content cut, for lists of conversations: JSON of sender, operation and payload.
  preview text,
  preview_seq bigint,
  preview_stamp bigint,
  preview_era integer
) with (fillfactor = 50);
