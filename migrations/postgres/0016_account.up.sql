alter table users
  -- When the suspension in force began: nodes ask for it, to close sockets that personal tokens opened.
  add column suspended_at timestamptz(3),
  add column deleted_at timestamptz(3);

create index users_by_suspension on users (suspended_at) where suspended_at is not null;

-- Every sign-in asks whether the account was used on such a device, or at such an address, before.
create index sessions_by_device on sessions (user_id, address, device_name);

-- What of deleted accounts is still to be erased: one row per conversation they were ever in, gone when done.
create table erasures (
  user_id uuid not null references users (id) on delete cascade,
  conversation_id uuid not null,
  requested_at timestamptz(3) not null,
  -- Whether the user has left: only then can nothing of theirs come any more, and the scan has an end.
  departed boolean not null default false,
  -- Messages up to here are done.
  after_seq bigint not null default 0,
  -- The worker that has it, or has failed at it, has it until then.
  until timestamptz(3) not null default '-infinity',
  failures integer not null default 0,
  primary key (user_id, conversation_id)
) with (fillfactor = 70);

create index erasures_by_turn on erasures (until, requested_at);
