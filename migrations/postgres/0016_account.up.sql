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

-- Messages to be removed physically, up to a seq: those below retention's floor, and all of a conversation that
-- is no more. Not before its time, as the log may bring younger ones to the archive until then.
create table purges (
  conversation_id uuid primary key,
  up_to bigint not null check (up_to >= 0),
  -- Messages up to here are gone.
  after_seq bigint not null default 0,
  -- The worker that has it, or has failed at it, has it until then.
  until timestamptz(3) not null,
  failures integer not null default 0
) with (fillfactor = 70);

create index purges_by_turn on purges (until);

create function purge_deleted_conversation() returns trigger language plpgsql as $$
begin
  -- Three days: by then the log's own rows are gone, and all that was to be archived has been.
  insert into purges (conversation_id, up_to, until) values (old.conversation_id, old.seq, now() + interval '3 days')
  on conflict (conversation_id) do update
    set up_to = greatest(purges.up_to, excluded.up_to), until = excluded.until;
  return null;
end $$;

create trigger heads_purge_deleted after delete on heads
  for each row execute function purge_deleted_conversation();

-- Where the hourly look for messages past their retention goes on.
create table retention_runs (
  only_row boolean primary key default true check (only_row),
  after_conversation uuid,
  until timestamptz(3) not null default '-infinity'
);

insert into retention_runs default values;
