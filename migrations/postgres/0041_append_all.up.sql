-- Appends all of a batch or none of it: the case in which every conversation is free and of the version that the
-- node knows, and no operation is in the log yet. Answers one row, what each conversation's head was before (its
-- stamp is that of the first item); no row, and nothing done, when it is not so: then `append` decides item by
-- item. It comes to the same and costs half of what that does, as nothing is looked at one by one.
-- Conversations are in order of their ids, each with the version known, its items' number (p_size), how many of
-- them count as unread (p_counted) and the last one's preview. An item points to its conversation, and says its
-- rank among that one's items, from 1, and how many of these count up to it. Readers, in order of conversation
-- and user, have read up to an item's rank; mentions (user null: everybody) and threads are those of the items.
-- Must stay VOLATILE and READ COMMITTED: each statement has to see what the lock before it was given after.
create function append_all(
  p_conversations uuid[], p_version bigint[], p_size integer[], p_counted integer[], p_preview text[],
  p_place integer[], p_rank integer[], p_ordinal integer[], p_sender uuid[], p_operation uuid[], p_hash bytea[],
  p_root bigint[], p_payload text[],
  p_reader_place integer[], p_reader uuid[], p_reader_rank integer[], p_reader_ordinal integer[],
  p_mention_place integer[], p_mention_rank integer[], p_mention_user uuid[], p_mention_sender uuid[],
  p_thread_place integer[], p_thread_root bigint[], p_thread_replies integer[])
returns table (seqs text, revs text, ordinals text, stamps text, era integer)
language plpgsql volatile as $$
#variable_conflict use_column
declare
  today date;
  h_seq bigint[];
  h_rev bigint[];
  h_ordinal bigint[];
  h_stamp bigint[];
  h_version bigint[];
begin
  select array_agg(x.seq), array_agg(x.rev), array_agg(x.ordinal), array_agg(x.next), array_agg(x.member_version),
    array_agg(x.seq)::text, array_agg(x.rev)::text, array_agg(x.ordinal)::text, array_agg(x.next)::text,
    (select e.era from cluster_era e), (clock_timestamp() at time zone 'UTC')::date
  into h_seq, h_rev, h_ordinal, h_stamp, h_version, seqs, revs, ordinals, stamps, era, today
  from (
    select l.*, greatest(floor(extract(epoch from clock_timestamp()) * 1000000)::bigint, l.stamp + 1) as next
    from (
      select h.seq, h.rev, h.ordinal, h.stamp, h.member_version from heads h
      where h.conversation_id = any (p_conversations)
      order by h.conversation_id for update skip locked) l) x;
  -- Fewer than asked for, when one is locked or gone.
  if h_version is distinct from p_version then
    return;
  end if;

  insert into log (day, lane, kind, conversation_id, seq, rev, root_seq, era, ordinal, sender_id, operation_id,
    body_hash, stamp, payload)
  select today, get_byte(uuid_send(p_conversations[u.place]), 15) & 15, 1, p_conversations[u.place],
    h_seq[u.place] + u.rank, h_rev[u.place], u.root, append_all.era, h_ordinal[u.place] + u.ordinal, u.sender,
    u.operation, u.hash, h_stamp[u.place] + u.rank - 1, u.payload
  from unnest(p_place, p_rank, p_ordinal, p_sender, p_operation, p_hash, p_root, p_payload)
    u(place, rank, ordinal, sender, operation, hash, root, payload)
  where not exists (
    select from unnest(p_place, p_sender, p_operation) d(place, sender, operation)
    join log l on l.conversation_id = p_conversations[d.place] and l.sender_id = d.sender
      and l.operation_id = d.operation
    where l.day between today - 2 and today + 1);
  if not found then
    return;
  end if;

  update heads h set seq = h.seq + u.size, ordinal = h.ordinal + u.counted, stamp = u.stamp + u.size - 1,
    preview = u.preview, preview_seq = h.seq + u.size, preview_stamp = u.stamp + u.size - 1,
    preview_era = append_all.era, preview_rev = h.rev, preview_changed = null
  from unnest(p_conversations, p_size, p_counted, p_preview, h_stamp)
    u(conversation_id, size, counted, preview, stamp)
  where h.conversation_id = u.conversation_id;

  if cardinality(p_reader) = 1 then
    update conversation_members m set
      read_seq = h_seq[p_reader_place[1]] + p_reader_rank[1],
      read_ordinal = h_ordinal[p_reader_place[1]] + p_reader_ordinal[1],
      delivered_seq = greatest(m.delivered_seq, h_seq[p_reader_place[1]] + p_reader_rank[1])
    where m.conversation_id = p_conversations[p_reader_place[1]] and m.user_id = p_reader[1]
      and m.read_seq < h_seq[p_reader_place[1]] + p_reader_rank[1];
  elsif cardinality(p_reader) > 1 then
    -- Ordered by key, as every writer of several members does, so that two cannot deadlock.
    update conversation_members m set
      read_seq = x.seq, read_ordinal = x.ordinal, delivered_seq = greatest(m.delivered_seq, x.seq)
    from (
      select m.conversation_id, m.user_id, h_seq[u.place] + u.rank seq, h_ordinal[u.place] + u.ordinal ordinal
      from unnest(p_reader_place, p_reader, p_reader_rank, p_reader_ordinal) u(place, user_id, rank, ordinal)
      join conversation_members m on m.conversation_id = p_conversations[u.place] and m.user_id = u.user_id
      where m.read_seq < h_seq[u.place] + u.rank
      order by m.conversation_id, m.user_id for update of m) x
    where m.conversation_id = x.conversation_id and m.user_id = x.user_id;
  end if;

  if cardinality(p_mention_place) > 0 then
    insert into mentions (conversation_id, seq, user_id, sender_id)
    select p_conversations[u.place], h_seq[u.place] + u.rank, u.user_id, u.sender
    from unnest(p_mention_place, p_mention_rank, p_mention_user, p_mention_sender) u(place, rank, user_id, sender);
  end if;

  if cardinality(p_thread_place) > 0 then
    insert into threads (conversation_id, root_seq, replies)
    select p_conversations[u.place], u.root, u.replies
    from unnest(p_thread_place, p_thread_root, p_thread_replies) u(place, root, replies)
    order by 1, 2
    on conflict (conversation_id, root_seq) do update set replies = threads.replies + excluded.replies;
  end if;

  return next;
end $$;
