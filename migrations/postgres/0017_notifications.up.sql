-- What a user wants to be told; who has no row has the defaults.
create table notification_settings (
  user_id uuid primary key references users (id) on delete cascade,
  push boolean not null default true,
  email boolean not null default true,
  notify_direct text not null default 'all' check (notify_direct in ('all', 'none')),
  notify_groups text not null default 'all' check (notify_groups in ('all', 'mentions', 'none')),
  threads boolean not null default true,
  reactions boolean not null default false,
  previews boolean not null default true,
  -- Seconds.
  email_delay integer not null default 900 check (email_delay between 60 and 86400),
  -- Minutes of the day by the clock of the zone; the days (0 Sunday to 6) are those on which they begin.
  quiet_start smallint check (quiet_start between 0 and 1439),
  quiet_end smallint check (quiet_end between 0 and 1439),
  quiet_zone text check (char_length(quiet_zone) between 1 and 64),
  quiet_days smallint[] check (
    cardinality(quiet_days) between 1 and 7 and quiet_days <@ array[0, 1, 2, 3, 4, 5, 6]::smallint[]),
  updated_at timestamptz(3) not null,
  check (num_nulls(quiet_start, quiet_end, quiet_zone, quiet_days) in (0, 4))
);

-- A device's own settings can narrow its user's, never widen them.
alter table push_tokens
  add column notify text not null default 'all' check (notify in ('all', 'mentions', 'none')),
  add column previews boolean not null default true;

-- Some events belong to no message (a missed call) or no conversation (a new sign-in).
alter table notification_claims
  alter column conversation_id drop not null,
  alter column seq drop not null;

-- Why everybody was or was not told: one row per event, pass (its first, after the grace, each retry) and
-- page of recipients. `decisions` is {"<user>": [[channel, device, outcome, reason], ...]}.
create table notification_traces (
  day date not null,
  event_id text not null,
  pass smallint not null,
  first_user uuid not null,
  kind text not null,
  conversation_id uuid,
  seq bigint,
  users uuid[] not null,
  decisions jsonb not null,
  at timestamptz(3) not null,
  primary key (day, event_id, pass, first_user)
);

create index notification_traces_of_message on notification_traces (conversation_id, seq);
create index notification_traces_of_user on notification_traces using gin (users);

-- Who wrote in a thread, or its root.
create table thread_followers (
  conversation_id uuid not null references conversations (id) on delete cascade,
  root_seq bigint not null,
  user_id uuid not null references users (id) on delete cascade,
  primary key (conversation_id, root_seq, user_id)
);

-- Notifications that may still be shown on some device: when they are read elsewhere, that is told.
create table notifications_shown (
  user_id uuid not null references users (id) on delete cascade,
  conversation_id uuid not null references conversations (id) on delete cascade,
  seq bigint not null,
  at timestamptz(3) not null,
  primary key (user_id, conversation_id)
);

create index notifications_shown_by_age on notifications_shown (at);

-- What the queue gave up, kept for operators.
create table dead_letters (
  id text primary key check (char_length(id) between 1 and 100),
  died_at timestamptz(3) not null,
  reason text not null check (char_length(reason) <= 500),
  kind text,
  event_id text,
  conversation_id uuid,
  seq bigint,
  attempts integer not null check (attempts >= 0),
  -- Users or devices it still concerns; null when it is about all members.
  recipients integer,
  -- To be queued again; null when it could not be read, and then `content` is what came.
  task jsonb,
  content text check (char_length(content) <= 100000),
  check (num_nulls(task, content) = 1)
);

create index dead_letters_by_time on dead_letters (died_at, id);
