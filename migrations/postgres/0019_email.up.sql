-- What is unread and to be told by one mail. One of a user collects ('open'); `turn_at` is when it is to be looked
-- at next, and null once it is settled.
create table email_digests (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  state text not null check (state in ('open', 'taken', 'sending', 'waiting', 'sent', 'empty', 'failed')),
  created_at timestamptz(3) not null,
  turn_at timestamptz(3),
  -- Rises with each taking: whoever was overtaken settles nothing.
  takes integer not null default 0,
  -- Sends that failed before.
  attempt smallint not null default 0 check (attempt >= 0),
  -- Sent again after an outcome that nobody knows.
  repeated boolean not null default false,
  reason text check (char_length(reason) <= 200),
  settled_at timestamptz(3),
  check ((turn_at is null) = (state in ('sent', 'empty', 'failed'))),
  check ((settled_at is null) = (turn_at is not null))
);

create unique index email_digests_open on email_digests (user_id) where state = 'open';
create index email_digests_by_turn on email_digests (turn_at) where turn_at is not null;
create index email_digests_unsettled on email_digests (user_id, created_at, id) where turn_at is not null;
create index email_digests_by_settling on email_digests (settled_at) where settled_at is not null;

-- Stays as long as its digest, so that an event that comes again is not mailed again.
create table email_digest_entries (
  user_id uuid not null,
  conversation_id uuid not null references conversations (id) on delete cascade,
  seq bigint not null,
  digest_id uuid not null references email_digests (id) on delete cascade,
  -- Of the event, as its traces have them.
  day date not null,
  event_id text not null,
  primary key (user_id, conversation_id, seq)
);

create index email_digest_entries_of_digest on email_digest_entries (digest_id, conversation_id, seq);
create index email_digest_entries_of_conversation on email_digest_entries (conversation_id);

-- What is known of those who get mail.
create table email_recipients (
  user_id uuid primary key references users (id) on delete cascade,
  -- Opens nothing but the way out.
  unsubscribe_token text unique check (char_length(unsubscribe_token) between 20 and 100),
  -- Mails of that day in UTC.
  day date,
  mails integer not null default 0,
  digest_at timestamptz(3),
  -- Refused for good, one after another; the address as a hash, as it is to be compared only.
  refusals integer not null default 0,
  refused_hash bytea check (octet_length(refused_hash) = 32),
  refused_at timestamptz(3)
);
