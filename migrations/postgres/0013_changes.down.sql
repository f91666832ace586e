-- The archive keeps no changes from here on: messages show as they were sent.
drop function change_message;
drop function append;
delete from archived_messages where sender_id is null;
alter table archived_messages
  drop column state, drop column expires, drop column state_rev, drop column state_stamp,
  alter column sender_id set not null,
  alter column operation_id set not null,
  alter column payload set not null,
  alter column rev set not null,
  alter column ordinal set not null,
  alter column stamp set not null;
drop table archived_replies;
drop table archived_reactions;
drop table archived_edits;
drop table archived_changes;
drop table hidden_messages;
drop table pins;
drop table mentions;
drop table threads;
delete from log where target_seq is not null;
drop index log_by_root;
drop index log_by_rev;
alter table log drop column root_seq;
alter table heads drop column first_seq, drop column preview_rev, drop column preview_changed;

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
