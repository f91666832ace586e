-- The one code that is open for an address and a purpose; asking again replaces it. A row without a user is
-- written for addresses nobody has, so that asking takes as long and tells nothing.
create table one_time_codes (
  kind text not null check (kind in ('email', 'phone')),
  value_key text not null check (char_length(value_key) <= 320),
  purpose text not null check (purpose in ('sign_in', 'verify', 'reset')),
  user_id uuid references users (id) on delete cascade,
  -- HMAC under a key the database does not hold: a million codes are soon tried otherwise.
  code_hash bytea not null check (octet_length(code_hash) = 32),
  tries_left smallint not null check (tries_left between 0 and 5),
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  primary key (kind, value_key, purpose)
);

create index one_time_codes_by_expiry on one_time_codes (expires_at);

-- In place of a second factor that was lost; each works once.
create table recovery_codes (
  user_id uuid not null references users (id) on delete cascade,
  code_hash bytea not null check (octet_length(code_hash) = 32),
  used_at timestamptz(3),
  primary key (user_id, code_hash)
);

create table personal_tokens (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  name text not null check (char_length(name) between 1 and 100),
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  scopes text[] not null check (
    cardinality(scopes) between 1 and 6 and scopes <@ array['messages:read', 'messages:write',
      'conversations:read', 'conversations:write', 'profile', 'admin']),
  created_at timestamptz(3) not null,
  last_used_at timestamptz(3),
  expires_at timestamptz(3),
  revoked_at timestamptz(3)
);

create index personal_tokens_of_user on personal_tokens (user_id, created_at) where revoked_at is null;
create index personal_tokens_by_end on personal_tokens (revoked_at) where revoked_at is not null;

create table blocks (
  blocker_id uuid not null references users (id) on delete cascade,
  blocked_id uuid not null references users (id) on delete cascade,
  created_at timestamptz(3) not null,
  primary key (blocker_id, blocked_id),
  check (blocker_id <> blocked_id)
);

create index blocks_of_blocked on blocks (blocked_id);
