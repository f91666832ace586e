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

-- Nodes that follow the log now: among them its lanes are shared out.
create table relay_nodes (
  follower text not null,
  key integer not null,
  seen_at timestamptz not null,
  primary key (follower, key)
);

-- Appends a batch in one go. Per item: ok, duplicate (the first result), mismatch (that operation id with
-- another body), stale (the conversation's members or policies changed since the node looked), busy
-- (another transaction holds the conversation, or the batch holds the operation twice: ask again, waiting),
-- gone (no such conversation). p_conversations are the batch's, each once; p_place points into them.
-- Must stay VOLATILE and READ COMMITTED: each statement has to see what the lock before it waited for.
-- A loop over arrays, because joining the batch's sets with each other took ten times as long.
create function append(
  p_conversations uuid[], p_place integer[], p_sender uuid[], p_operation uuid[], p_hash bytea[],
  p_version bigint[], p_counts boolean[], p_payload text[], p_preview text[], p_wait boolean)
returns table (item integer, outcome text, seq bigint, ordinal bigint, stamp bigint, era integer)
language plpgsql volatile as $$
#variable_conflict use_column
declare
  items constant integer := coalesce(array_length(p_place, 1), 0);
  now_us bigint;
  today date;
  current_era integer;
  head record;
  found record;
  g integer;
  reason text;
  -- Per conversation, as locked and then as numbered; null where it is not held.
  head_seq bigint[] := array_fill(null::bigint, array[array_length(p_conversations, 1)]);
  head_ordinal bigint[] := head_seq;
  head_stamp bigint[] := head_seq;
  head_version bigint[] := head_seq;
  head_rev bigint[] := head_seq;
  head_preview text[] := array_fill(null::text, array[array_length(p_conversations, 1)]);
  -- Why everything behind it in its conversation must wait, too.
  held_back text[] := head_preview;
  -- Per item.
  outcomes text[] := array_fill(null::text, array[items]);
  seqs bigint[] := array_fill(null::bigint, array[items]);
  ordinals bigint[] := seqs;
  stamps bigint[] := seqs;
  eras integer[] := array_fill(null::integer, array[items]);
begin
  if p_wait then
    for head in select h.* from heads h where h.conversation_id = any (p_conversations)
      order by h.conversation_id for update
    loop
      g := array_position(p_conversations, head.conversation_id);
      head_seq[g] := head.seq; head_ordinal[g] := head.ordinal; head_stamp[g] := head.stamp;
      head_version[g] := head.member_version; head_rev[g] := head.rev;
    end loop;
  else
    for head in select h.* from heads h where h.conversation_id = any (p_conversations)
      order by h.conversation_id for update skip locked
    loop
      g := array_position(p_conversations, head.conversation_id);
      head_seq[g] := head.seq; head_ordinal[g] := head.ordinal; head_stamp[g] := head.stamp;
      head_version[g] := head.member_version; head_rev[g] := head.rev;
    end loop;
  end if;
  now_us := floor(extract(epoch from clock_timestamp()) * 1000000)::bigint;
  today := (clock_timestamp() at time zone 'UTC')::date;
  select e.era into current_era from cluster_era e;

  for found in
    select u.n::integer n, l.seq, l.ordinal, l.stamp, l.era, l.body_hash = u.hash same
    from unnest(p_place, p_sender, p_operation, p_hash) with ordinality u(place, sender, operation, hash, n)
    join log l on l.conversation_id = p_conversations[u.place] and l.sender_id = u.sender
      and l.operation_id = u.operation
    where l.day between today - 2 and today + 1
  loop
    outcomes[found.n] := case when found.same then 'duplicate' else 'mismatch' end;
    seqs[found.n] := found.seq; ordinals[found.n] := found.ordinal; stamps[found.n] := found.stamp;
    eras[found.n] := found.era;
  end loop;

  for n in 1 .. items loop
    continue when outcomes[n] is not null;
    g := p_place[n];
    reason := held_back[g];
    if reason is null then
      if head_seq[g] is null then
        reason := case when exists (select 1 from heads h where h.conversation_id = p_conversations[g])
          then 'busy' else 'gone' end;
      elsif head_version[g] <> p_version[n] then reason := 'stale';
      elsif n > 1 and p_operation[n] = any (p_operation[1:n - 1]) then reason := 'busy';
      end if;
      held_back[g] := reason;
    end if;
    if reason is not null then
      outcomes[n] := reason;
    else
      outcomes[n] := 'ok';
      head_seq[g] := head_seq[g] + 1;
      head_ordinal[g] := head_ordinal[g] + p_counts[n]::integer;
      head_stamp[g] := greatest(now_us, head_stamp[g] + 1);
      head_preview[g] := p_preview[n];
      seqs[n] := head_seq[g]; ordinals[n] := head_ordinal[g]; stamps[n] := head_stamp[g];
      eras[n] := current_era;
    end if;
  end loop;

  update heads h set seq = u.seq, ordinal = u.ordinal, stamp = u.stamp, preview = u.preview,
    preview_seq = u.seq, preview_stamp = u.stamp, preview_era = current_era
  from unnest(p_conversations, head_seq, head_ordinal, head_stamp, head_preview)
    u(conversation_id, seq, ordinal, stamp, preview)
  where h.conversation_id = u.conversation_id and u.preview is not null;

  insert into log (day, lane, kind, conversation_id, seq, rev, era, ordinal, sender_id, operation_id,
    body_hash, stamp, payload)
  select today, get_byte(uuid_send(p_conversations[u.place]), 15) & 15, 1, p_conversations[u.place], u.seq,
    head_rev[u.place], current_era, u.ordinal, u.sender, u.operation, u.hash, u.stamp, u.payload
  from unnest(outcomes, p_place, seqs, ordinals, stamps, p_sender, p_operation, p_hash, p_payload)
    u(outcome, place, seq, ordinal, stamp, sender, operation, hash, payload)
  where u.outcome = 'ok';

  return query select u.n::integer, u.outcome, u.seq, u.ordinal, u.stamp, u.era
  from unnest(outcomes, seqs, ordinals, stamps, eras) with ordinality u(outcome, seq, ordinal, stamp, era, n);
end $$;
