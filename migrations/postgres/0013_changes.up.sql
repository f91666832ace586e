-- Changes of messages in the log, and what is counted under the lock of their conversation's head.

alter table heads
  -- Retention's floor: what is below is gone.
  add column first_seq bigint not null default 1,
  -- The conversation's rev, and stamp, when the last message was written or last changed.
  add column preview_rev bigint not null default 0,
  add column preview_changed bigint;

-- Replies of a thread carry their root's seq.
alter table log add column root_seq bigint;
-- By kind, so that the planner does not walk all changes back in search of one message's.
create index log_by_rev on log (conversation_id, rev) where kind <> 1;
create index log_by_root on log (conversation_id, root_seq, seq) where root_seq is not null;

create table threads (
  conversation_id uuid not null references conversations (id) on delete cascade,
  root_seq bigint not null,
  replies integer not null check (replies > 0),
  primary key (conversation_id, root_seq)
) with (fillfactor = 80);

-- Who a message calls by name, for counting those unread; user_id null calls all members.
create table mentions (
  conversation_id uuid not null references conversations (id) on delete cascade,
  seq bigint not null,
  user_id uuid,
  sender_id uuid not null
);
create index mentions_by_user on mentions (conversation_id, user_id, seq);
create index mentions_by_seq on mentions (conversation_id, seq);

create table pins (
  conversation_id uuid not null references conversations (id) on delete cascade,
  seq bigint not null,
  user_id uuid not null,
  stamp bigint not null,
  primary key (conversation_id, seq)
);

-- Deleted for oneself; rev is the conversation's when that was done.
create table hidden_messages (
  user_id uuid not null references users (id) on delete cascade,
  conversation_id uuid not null references conversations (id) on delete cascade,
  seq bigint not null,
  message_id uuid not null,
  rev bigint not null,
  hidden_at timestamptz(3) not null default now(),
  primary key (user_id, conversation_id, seq)
);

create table archived_changes (
  conversation_id uuid not null,
  rev bigint not null,
  era integer not null,
  kind smallint not null,
  seq bigint not null,
  target_seq bigint not null,
  stamp bigint not null,
  sender_id uuid not null,
  operation_id uuid not null,
  payload text not null,
  primary key (conversation_id, rev, era)
);

create table archived_edits (
  conversation_id uuid not null,
  seq bigint not null,
  stamp bigint not null,
  content text not null,
  primary key (conversation_id, seq, stamp)
);

-- One row per reaction that is or was: the newest stamp decides, so that rows may come in any order.
create table archived_reactions (
  conversation_id uuid not null,
  seq bigint not null,
  emoji text not null,
  user_id uuid not null,
  stamp bigint not null,
  added boolean not null,
  primary key (conversation_id, seq, emoji, user_id)
);

create table archived_replies (
  conversation_id uuid not null,
  root_seq bigint not null,
  seq bigint not null,
  primary key (conversation_id, root_seq, seq)
);

-- What changes made of a message, by the newest stamp; it may come before the message itself, whose columns are
-- null until then.
alter table archived_messages
  alter column sender_id drop not null,
  alter column operation_id drop not null,
  alter column payload drop not null,
  alter column rev drop not null,
  alter column ordinal drop not null,
  alter column stamp drop not null,
  add column state text,
  -- When the message disappears, in microseconds since 1970.
  add column expires bigint,
  add column state_rev bigint,
  add column state_stamp bigint;

create index archived_messages_by_expiry on archived_messages (expires) where expires is not null;

drop function append;

-- Appends a batch in one go. Per item: ok, duplicate (the first result), mismatch (that operation id with
-- another body), stale (the conversation's members or policies changed since the node looked), busy
-- (another transaction holds the conversation, or the batch holds the operation twice: ask again, waiting),
-- gone (no such conversation). p_conversations are the batch's, each once; p_place points into them.
-- p_reads: the sender has read up to their own message. p_mention_item and p_mention_user are pairs; a null
-- user is everybody.
-- Must stay VOLATILE and READ COMMITTED: each statement has to see what the lock before it waited for.
-- A loop over arrays, because joining the batch's sets with each other took ten times as long.
create function append(
  p_conversations uuid[], p_place integer[], p_sender uuid[], p_operation uuid[], p_hash bytea[],
  p_version bigint[], p_counts boolean[], p_reads boolean[], p_root bigint[], p_payload text[],
  p_preview text[], p_mention_item integer[], p_mention_user uuid[], p_wait boolean)
returns table (item integer, outcome text, seq bigint, rev bigint, ordinal bigint, stamp bigint, era integer)
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
  revs bigint[] := seqs;
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
    select u.n::integer n, l.seq, l.rev, l.ordinal, l.stamp, l.era, l.body_hash = u.hash same
    from unnest(p_place, p_sender, p_operation, p_hash) with ordinality u(place, sender, operation, hash, n)
    join log l on l.conversation_id = p_conversations[u.place] and l.sender_id = u.sender
      and l.operation_id = u.operation
    where l.day between today - 2 and today + 1
  loop
    outcomes[found.n] := case when found.same then 'duplicate' else 'mismatch' end;
    seqs[found.n] := found.seq; revs[found.n] := found.rev; ordinals[found.n] := found.ordinal;
    stamps[found.n] := found.stamp; eras[found.n] := found.era;
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
      seqs[n] := head_seq[g]; revs[n] := head_rev[g]; ordinals[n] := head_ordinal[g];
      stamps[n] := head_stamp[g]; eras[n] := current_era;
    end if;
  end loop;

  update heads h set seq = u.seq, ordinal = u.ordinal, stamp = u.stamp, preview = u.preview,
    preview_seq = u.seq, preview_stamp = u.stamp, preview_era = current_era, preview_rev = h.rev,
    preview_changed = null
  from unnest(p_conversations, head_seq, head_ordinal, head_stamp, head_preview)
    u(conversation_id, seq, ordinal, stamp, preview)
  where h.conversation_id = u.conversation_id and u.preview is not null;

  insert into log (day, lane, kind, conversation_id, seq, rev, root_seq, era, ordinal, sender_id, operation_id,
    body_hash, stamp, payload)
  select today, get_byte(uuid_send(p_conversations[u.place]), 15) & 15, 1, p_conversations[u.place], u.seq,
    u.rev, u.root, current_era, u.ordinal, u.sender, u.operation, u.hash, u.stamp, u.payload
  from unnest(outcomes, p_place, seqs, revs, p_root, ordinals, stamps, p_sender, p_operation, p_hash, p_payload)
    u(outcome, place, seq, rev, root, ordinal, stamp, sender, operation, hash, payload)
  where u.outcome = 'ok';

  -- Ordered by key, as every writer of several members does, so that two cannot deadlock.
  update conversation_members m set
    read_seq = x.seq, read_ordinal = x.ordinal, delivered_seq = greatest(m.delivered_seq, x.seq)
  from (
    select m.conversation_id, m.user_id, u.seq, u.ordinal
    from (
      select place, sender, max(seq) seq, max(ordinal) ordinal
      from unnest(outcomes, p_reads, p_place, p_sender, seqs, ordinals) u(outcome, reads, place, sender, seq, ordinal)
      where u.outcome = 'ok' and u.reads
      group by place, sender) u
    join conversation_members m on m.conversation_id = p_conversations[u.place] and m.user_id = u.sender
    where m.read_seq < u.seq
    order by m.conversation_id, m.user_id for update of m) x
  where m.conversation_id = x.conversation_id and m.user_id = x.user_id;

  if cardinality(array_remove(p_root, null)) > 0 then
    insert into threads (conversation_id, root_seq, replies)
    select p_conversations[u.place], u.root, count(*)
    from unnest(outcomes, p_place, p_root) u(outcome, place, root)
    where u.outcome = 'ok' and u.root is not null
    group by 1, 2 order by 1, 2
    on conflict (conversation_id, root_seq) do update set replies = threads.replies + excluded.replies;
  end if;

  if cardinality(p_mention_item) > 0 then
    insert into mentions (conversation_id, seq, user_id, sender_id)
    select p_conversations[p_place[u.n]], seqs[u.n], u.user_id, p_sender[u.n]
    from unnest(p_mention_item, p_mention_user) u(n, user_id)
    where outcomes[u.n] = 'ok';
  end if;

  return query select u.n::integer, u.outcome, u.seq, u.rev, u.ordinal, u.stamp, u.era
  from unnest(outcomes, seqs, revs, ordinals, stamps, eras)
    with ordinality u(outcome, seq, rev, ordinal, stamp, era, n);
end $$;

-- Changes a message: 2 edit, 3 delete, 4 reaction, 5 pin. Answers ok, duplicate, mismatch, stale and gone as
-- append does; changed: the message was changed above p_base_rev, at which the node looked, so that it has to
-- look again; full: no more pins. p_payload holds the message's whole state after the change; p_blank what is
-- left of a deleted message's own row.
create function change_message(
  p_conversation uuid, p_sender uuid, p_operation uuid, p_hash bytea, p_version bigint, p_kind smallint,
  p_target bigint, p_base_rev bigint, p_payload text, p_preview text, p_blank text, p_mentions uuid[],
  p_author uuid, p_pinned boolean, p_pins_max integer)
returns table (outcome text, rev bigint, head_seq bigint, stamp bigint, era integer)
language plpgsql volatile as $$
#variable_conflict use_column
declare
  head heads;
  found record;
  today date;
  current_era integer;
  new_rev bigint;
  new_stamp bigint;
  erased constant text := p_payload::jsonb -> 'state';
begin
  select * into head from heads h where h.conversation_id = p_conversation for update;
  if head.conversation_id is null then
    return query select 'gone', null::bigint, null::bigint, null::bigint, null::integer;
    return;
  end if;
  today := (clock_timestamp() at time zone 'UTC')::date;
  select e.era into current_era from cluster_era e;
  select l.*, l.body_hash = p_hash same into found from log l
  where l.conversation_id = p_conversation and l.sender_id = p_sender and l.operation_id = p_operation
    and l.day between today - 2 and today + 1;
  if found.conversation_id is not null then
    return query select case when found.same then 'duplicate' else 'mismatch' end,
      found.rev, found.seq, found.stamp, found.era;
    return;
  end if;
  if head.member_version <> p_version then
    return query select 'stale', null::bigint, null::bigint, null::bigint, null::integer;
    return;
  end if;
  if exists (select 1 from log l where l.conversation_id = p_conversation and l.target_seq = p_target
    and l.rev > p_base_rev and l.day between today - 2 and today + 1)
  then
    return query select 'changed', null::bigint, null::bigint, null::bigint, null::integer;
    return;
  end if;
  if p_kind = 5 and p_pinned
    and (select count(*) from pins p where p.conversation_id = p_conversation) >= p_pins_max
  then
    return query select 'full', null::bigint, null::bigint, null::bigint, null::integer;
    return;
  end if;

  new_rev := head.rev + 1;
  new_stamp := greatest(floor(extract(epoch from clock_timestamp()) * 1000000)::bigint, head.stamp + 1);
  update heads h set rev = new_rev, stamp = new_stamp,
    preview = case when h.preview_seq = p_target then p_preview else h.preview end,
    preview_rev = case when h.preview_seq = p_target then new_rev else h.preview_rev end,
    preview_changed = case when h.preview_seq = p_target then new_stamp else h.preview_changed end
  where h.conversation_id = p_conversation;

  -- What is erased is erased in the log, too; the archive's later rows lose against this one's stamp.
  if p_kind = 3 then
    update log l set payload = p_blank
    where l.conversation_id = p_conversation and l.seq = p_target and l.kind = 1;
    -- The state is the last field, and may be large: it is cut off unread. What is before it is short.
    update log l
    set payload = split_part(left(l.payload, 1000), ',"state":', 1) || ',"state":' || erased || '}'
    where l.conversation_id = p_conversation and l.target_seq = p_target;
    delete from pins p where p.conversation_id = p_conversation and p.seq = p_target;
  end if;
  if p_kind in (2, 3) then
    delete from mentions x where x.conversation_id = p_conversation and x.seq = p_target;
    insert into mentions (conversation_id, seq, user_id, sender_id)
    select p_conversation, p_target, u.user_id, p_author from unnest(p_mentions) u(user_id);
  end if;
  if p_kind = 5 and p_pinned then
    insert into pins (conversation_id, seq, user_id, stamp)
    values (p_conversation, p_target, p_sender, new_stamp) on conflict do nothing;
  elsif p_kind = 5 then
    delete from pins p where p.conversation_id = p_conversation and p.seq = p_target;
  end if;

  insert into log (day, lane, kind, conversation_id, seq, rev, target_seq, era, ordinal, sender_id, operation_id,
    body_hash, stamp, payload)
  values (today, get_byte(uuid_send(p_conversation), 15) & 15, p_kind, p_conversation, head.seq, new_rev, p_target,
    current_era, head.ordinal, p_sender, p_operation, p_hash, new_stamp, p_payload);
  return query select 'ok', new_rev, head.seq, new_stamp, current_era;
end $$;
