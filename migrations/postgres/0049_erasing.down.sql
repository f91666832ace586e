create or replace function change_message(
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
    update log l
    set payload = jsonb_set(l.payload::jsonb, '{state}', p_payload::jsonb -> 'state')::text
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
