create table push_tokens (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  session_id uuid,
  platform text not null check (platform in ('android', 'ios', 'web')),
  device_name text check (char_length(device_name) between 1 and 100),
  token text not null check (char_length(token) between 1 and 4096),
  -- A token can be longer than an index entry may be.
  token_hash bytea not null unique check (token_hash = sha256(convert_to(token, 'UTF8'))),
  created_at timestamptz (3) not null,
  updated_at timestamptz (3) not null
);

create index push_tokens_user on push_tokens (user_id, updated_at);

-- One row for each push decided: (event, device) is sent once. `day` is the event's, so that the same event
-- always meets the same row and old days can go.
create table notification_claims (
  day date not null,
  event_id text not null,
  device_id uuid not null,
  user_id uuid not null,
  conversation_id uuid not null,
  seq bigint not null,
  state text not null check (state in ('claimed', 'sent', 'retry', 'gone', 'dropped', 'dead')),
  attempt smallint not null check (attempt >= 0),
  -- Sent again after an outcome that nobody recorded.
  repeated boolean not null default false,
  reason text,
  claimed_at timestamptz not null,
  settled_at timestamptz,
  primary key (day, event_id, device_id)
);

create index notification_claims_user on notification_claims (user_id, day);

create table developer_outbox (
  id bigint generated always as identity primary key,
  channel text not null check (channel in ('push', 'email', 'sms')),
  user_id uuid not null,
  recipient text not null,
  title text not null,
  body text not null,
  payload jsonb not null,
  created_at timestamptz (3) not null
);
