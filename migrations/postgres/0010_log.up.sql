-- Which incarnation of the database numbers the log. It rises when the cluster is not the one it was
-- (restored from a dump, promoted), so that ids and cursors of a lost future cannot meet new ones.
create table cluster_era (
  only_row boolean primary key default true check (only_row),
  era integer not null,
  system_identifier bigint not null,
  timeline integer not null
);

insert into cluster_era (era, system_identifier, timeline)
select 1, s.system_identifier, c.timeline_id from pg_control_system() s, pg_control_checkpoint() c;

-- Called on every new connection of the log; answers the era in force.
create function ensure_era() returns integer language plpgsql as $$
declare
  current_system bigint := (select system_identifier from pg_control_system());
  current_timeline integer := (select timeline_id from pg_control_checkpoint());
  found_era integer;
begin
  select era into found_era from cluster_era
  where system_identifier = current_system and timeline = current_timeline;
  if found_era is null then
    update cluster_era set era = era + 1, system_identifier = current_system, timeline = current_timeline
    where (system_identifier, timeline) is distinct from (current_system, current_timeline);
    select era into found_era from cluster_era;
  end if;
  return found_era;
end $$;

create sequence log_position;

-- Every message and change in the order decided; partitioned by day, kept until archived and past retention.
create table log (
  day date not null,
  lane smallint not null,
  -- Transaction that wrote the row: (xid, position) is the relay's order, because all below the snapshot's
  -- horizon have ended. position alone is taken before commit and would let a late commit be skipped.
  xid xid8 not null default pg_current_xact_id(),
  position bigint not null default nextval('log_position'),
  kind smallint not null,
  conversation_id uuid not null,
  seq bigint not null,
  rev bigint not null,
  -- For changes: the message changed.
  target_seq bigint,
  era integer not null,
  ordinal bigint not null,
  sender_id uuid not null,
  operation_id uuid not null,
  body_hash bytea not null,
  stamp bigint not null,
  payload text not null
) partition by range (day);

create index log_by_lane on log (lane, xid, position);
create index log_by_conversation on log (conversation_id, xid, position);
create index log_by_operation on log (conversation_id, sender_id, operation_id);
create index log_by_seq on log (conversation_id, seq);
create index log_by_target on log (conversation_id, target_seq, rev) where target_seq is not null;

-- Makes the partitions of the given days that are not there yet; answers how many. A plain table with a CHECK
-- is attached, because CREATE ... PARTITION OF would wait for every reader and stop every send behind it.
create function log_make_partitions(first date, last date) returns integer language plpgsql as $$
declare
  d date;
  name text;
  made integer := 0;
begin
  for d in select generate_series(first, last, '1 day')::date loop
    name := 'log_' || to_char(d, 'YYYYMMDD');
    continue when to_regclass(name) is not null;
    execute format('create table %I (like log including defaults)', name);
    execute format('alter table %I add constraint %I check (day = %L::date)', name, name || '_day', d);
    execute format('alter table log attach partition %I for values from (%L) to (%L)', name, d, d + 1);
    made := made + 1;
  end loop;
  return made;
end $$;

select log_make_partitions((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + 7);

-- How far each follower of the log has come, per lane.
create table lanes (
  follower text not null,
  lane smallint not null check (lane between 0 and 15),
  xid xid8 not null,
  position bigint not null,
  -- Day of the row at the cursor: bounds which partitions are looked into.
  day date not null,
  -- The cursor as it was at least 60 s ago, from which a follower replays after a take-over or a fault.
  safe_xid xid8 not null,
  safe_position bigint not null,
  safe_day date not null,
  mark_xid xid8 not null,
  mark_position bigint not null,
  mark_day date not null,
  mark_at timestamptz not null default now(),
  -- Key of the advisory lock that the owning node holds while it lives; see relay-log.ts.
  owner integer,
  until timestamptz not null default '-infinity',
  primary key (follower, lane)
) with (fillfactor = 50);

insert into lanes (follower, lane, xid, position, day, safe_xid, safe_position, safe_day, mark_xid, mark_position, mark_day)
select f, n, '0', 0, d, '0', 0, d, '0', 0, d
from unnest(array['archive', 'events']) f, generate_series(0, 15) n, (select (now() at time zone 'UTC')::date - 1 d) x;

-- Appends a batch in one go. Per item: ok, duplicate (the first result), mismatch (that operation id with
-- another body), stale (the conversation's members or policies changed since the node looked), busy
-- (another transaction holds the conversation; ask again waiting), gone (no such conversation).
-- Must stay VOLATILE and READ COMMITTED: each statement has to see what the lock before it waited for.
create function append(
  p_conversation uuid[], p_sender uuid[], p_operation uuid[], p_hash bytea[], p_version bigint[],
  p_counts boolean[], p_payload text[], p_preview text[], p_wait boolean)
returns table (item integer, outcome text, seq bigint, ordinal bigint, stamp bigint, era integer)
language plpgsql volatile as $$
#variable_conflict use_column
declare
  now_us bigint;
  today date;
  held uuid[];
begin
  if p_wait then
    select array_agg(x.conversation_id) into held from (
      select conversation_id from heads where conversation_id = any (p_conversation)
      order by conversation_id for update) x;
  else
    select array_agg(x.conversation_id) into held from (
      select conversation_id from heads where conversation_id = any (p_conversation)
      order by conversation_id for update skip locked) x;
  end if;
  now_us := floor(extract(epoch from clock_timestamp()) * 1000000)::bigint;
  today := (clock_timestamp() at time zone 'UTC')::date;

  return query
  with given as materialized (
    select u.n::integer n, u.conversation, u.sender, u.operation, u.hash, u.version, u.counts, u.payload, u.preview
    from unnest(p_conversation, p_sender, p_operation, p_hash, p_version, p_counts, p_payload, p_preview)
      with ordinality u(conversation, sender, operation, hash, version, counts, payload, preview, n)
  ), known as materialized (
    select g.n, l.seq, l.ordinal, l.stamp, l.era, l.body_hash = g.hash same
    from given g join log l
      on l.conversation_id = g.conversation and l.sender_id = g.sender and l.operation_id = g.operation
    where l.day between today - 2 and today + 1
  ), checked as materialized (
    -- An item must not overtake an earlier one of its conversation that cannot go in now.
    select g.*, h.member_version,
      bool_or(h.member_version <> g.version) over before_it stale,
      bool_or(g.copy > 1) over before_it repeated
    from (select g.*, row_number() over (partition by conversation, sender, operation order by n) copy
          from given g where not exists (select 1 from known k where k.n = g.n)) g
    join heads h on h.conversation_id = g.conversation and h.conversation_id = any (held)
    window before_it as (partition by g.conversation order by g.n)
  ), fresh as materialized (
    select c.*, row_number() over (partition by conversation order by n) place,
      count(*) filter (where counts) over (partition by conversation order by n) counted
    from checked c where not stale and not repeated
  ), totals as (
    select conversation, max(place) places, max(counted) counted,
      (array_agg(preview order by n desc))[1]::jsonb preview
    from fresh group by conversation
  ), moved as (
    update heads h set
      seq = h.seq + t.places, ordinal = h.ordinal + t.counted,
      stamp = greatest(now_us, h.stamp + 1) + t.places - 1,
      preview = t.preview || jsonb_build_object('seq', h.seq + t.places, 'rev', h.rev, 'era', e.era,
        'stamp', greatest(now_us, h.stamp + 1) + t.places - 1)
    from totals t cross join cluster_era e where h.conversation_id = t.conversation
    returning h.conversation_id, h.rev, h.seq - t.places base_seq, h.ordinal - t.counted base_ordinal,
      h.stamp - t.places base_stamp
  ), placed as materialized (
    select f.*, m.rev, m.base_seq + f.place seq, m.base_ordinal + f.counted ordinal,
      m.base_stamp + f.place stamp, e.era
    from fresh f join moved m on m.conversation_id = f.conversation cross join cluster_era e
  ), written as (
    insert into log (day, lane, kind, conversation_id, seq, rev, era, ordinal, sender_id, operation_id,
      body_hash, stamp, payload)
    select today, get_byte(uuid_send(p.conversation), 15) & 15, 1, p.conversation, p.seq, p.rev, p.era,
      p.ordinal, p.sender, p.operation, p.hash, p.stamp, p.payload
    from placed p order by p.n
    returning 1
  )
  select p.n, 'ok', p.seq, p.ordinal, p.stamp, p.era from placed p
  union all
  select k.n, case when k.same then 'duplicate' else 'mismatch' end, k.seq, k.ordinal, k.stamp, k.era
  from known k
  union all
  select c.n, case when c.stale then 'stale' else 'busy' end, null, null, null, null
  from checked c where c.stale or c.repeated
  union all
  select g.n, case when exists (select 1 from heads h where h.conversation_id = g.conversation)
    then 'busy' else 'gone' end, null, null, null, null
  from given g
  where not exists (select 1 from known k where k.n = g.n) and g.conversation <> all (coalesce(held, '{}'));
end $$;
