-- Usernames are ASCII, so that no two look alike and lower() is the whole comparison.
create table users (
  id uuid primary key,
  username text not null check (
    username ~ '^[A-Za-z0-9]([A-Za-z0-9._-]{0,30}[A-Za-z0-9])$' and username !~ '[._-]{2}'),
  username_key text not null unique generated always as (lower(username)) stored,
  display_name text not null check (char_length(display_name) between 1 and 64),
  avatar_url text check (char_length(avatar_url) <= 2048),
  -- Shared to be found by, and rotated to be found no more.
  public_id text not null unique check (public_id ~ '^[0-9a-z]{12}$'),
  status text not null default 'active' check (status in ('active', 'suspended', 'deleted')),
  role text not null default 'user' check (role in ('user', 'admin')),
  last_seen_at timestamptz(3),
  hide_last_seen boolean not null default false,
  created_at timestamptz(3) not null
);

-- For search by the beginning of a username: the unique index compares by locale, this one by bytes.
create index users_by_username_prefix on users (username_key text_pattern_ops) where status = 'active';
create index users_by_creation on users (created_at, id);

create table identities (
  user_id uuid not null references users (id) on delete cascade,
  kind text not null check (kind in ('email', 'phone')),
  -- As given; what is compared is the key: lower case with an ASCII domain, or E.164.
  value text not null check (char_length(value) between 3 and 320),
  value_key text not null check (
    case kind when 'phone' then value_key ~ '^\+[1-9][0-9]{6,14}$' else value_key ~ '^[^@]+@[^@]+$' end),
  verified_at timestamptz(3),
  created_at timestamptz(3) not null,
  primary key (user_id, kind),
  unique (kind, value_key)
);

create table credentials (
  user_id uuid primary key references users (id) on delete cascade,
  -- PHC string: algorithm, parameters, salt and hash.
  password_hash text not null check (password_hash like '$argon2id$%'),
  changed_at timestamptz(3) not null,
  -- Sealed under a key derived from SECRET_KEY; not asked for before it was confirmed by a first code.
  totp_sealed bytea,
  totp_enabled_at timestamptz(3),
  -- The last time step a code was accepted for: each code works once.
  totp_last_step bigint,
  check (totp_enabled_at is null or totp_sealed is not null)
);

create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  device_name text not null check (char_length(device_name) between 1 and 100),
  address text not null check (char_length(address) <= 64),
  created_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  ended_at timestamptz(3),
  end_reason text check (end_reason in (
    'signed_out', 'ended', 'refresh_reuse', 'password_changed', 'password_reset', 'suspended', 'deleted')),
  check ((ended_at is null) = (end_reason is null))
);

create index sessions_of_user on sessions (user_id) where ended_at is null;
-- Nodes ask every half second which sessions ended, and close their sockets.
create index sessions_by_end on sessions (ended_at) where ended_at is not null;

-- Spent ones stay until they expire, so that a stolen one that comes back is known for what it is.
create table refresh_tokens (
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  session_id uuid not null references sessions (id) on delete cascade,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  spent_at timestamptz(3),
  successor_hash bytea unique check (octet_length(successor_hash) = 32),
  check ((spent_at is null) = (successor_hash is null))
);

create index refresh_tokens_of_session on refresh_tokens (session_id, expires_at);

create table signing_keys (
  kid text primary key check (char_length(kid) between 8 and 64),
  algorithm text not null check (algorithm in ('EdDSA')),
  public_jwk jsonb not null check (public_jwk ? 'x' and not public_jwk ? 'd'),
  -- AES-256-GCM under a key derived from SECRET_KEY: nonce, ciphertext, tag.
  private_sealed bytea not null,
  created_at timestamptz(3) not null,
  -- Signs no more; what it signed stays valid until it expires.
  retired_at timestamptz(3)
);

-- One key signs at a time.
create unique index signing_keys_active on signing_keys ((retired_at is null)) where retired_at is null;

-- Who did what, to whom, when, from where. Each row's hash covers the one before it; the key of that hash is
-- not in the database, so that a row changed or removed here shows (cmd/admin audit verify).
create table audit_log (
  id bigint primary key check (id > 0),
  at timestamptz(3) not null,
  action text not null check (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
  outcome text not null check (outcome in ('success', 'refused')),
  actor_id uuid,
  session_id uuid,
  target text check (char_length(target) <= 200),
  address text check (char_length(address) <= 64),
  details jsonb not null default '{}',
  previous_hash bytea not null check (octet_length(previous_hash) = 32),
  hash bytea not null unique check (octet_length(hash) = 32)
);

create index audit_log_by_actor on audit_log (actor_id, id);
create index audit_log_by_action on audit_log (action, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit_log is append-only' using errcode = 'insufficient_privilege';
end $$;

create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log
  for each statement execute function refuse_change();
