import { EDITS_MAX } from '../../service/message/ports.ts'
import { CHANGE_ROW_COLUMNS, LOG_ROW_COLUMNS } from './log-entry.ts'

const ARCHIVED = `
  select ${LOG_ROW_COLUMNS}, l.state, l.state_rev, l.state_stamp from archived_messages l
  where l.conversation_id = $1 and l.sender_id is not null`

export const ARCHIVED_RANGE = {
  name: 'archive-range',
  text: `${ARCHIVED} and l.seq between $2 and $3 order by l.seq`,
}

export const ARCHIVED_ENTRIES = {
  name: 'archive-entries',
  text: `${ARCHIVED} and l.seq = any ($2) order by l.seq`,
}

export const ARCHIVED_CHANGES = {
  name: 'archive-changes',
  text: `
    select ${CHANGE_ROW_COLUMNS} from archived_changes l
    where l.conversation_id = $1 and l.rev between $2 and $3 order by l.rev`,
}

export const ARCHIVED_EDITS = {
  name: 'archive-edits',
  text: `
    select content, stamp from archived_edits where conversation_id = $1 and seq = $2
    order by stamp desc limit ${EDITS_MAX}`,
}

export const ARCHIVED_REPLIES_BEFORE = {
  name: 'archive-replies-before',
  text: `
    select seq from archived_replies where conversation_id = $1 and root_seq = $2 and seq < $3
    order by seq desc limit $4`,
}

export const ARCHIVED_REPLIES_AFTER = {
  name: 'archive-replies-after',
  text: `
    select seq from archived_replies where conversation_id = $1 and root_seq = $2 and seq > $3
    order by seq limit $4`,
}

export const ARCHIVED_REACTORS = {
  name: 'archive-reactors',
  text: `
    select user_id from archived_reactions where conversation_id = $1 and seq = $2 and emoji = $3 and added
    order by user_id limit $4`,
}

export const REACTED_BY = {
  name: 'archive-reacted-by',
  text: `
    select r.seq, r.emoji from unnest($3::bigint[], $4::text[]) x(seq, emoji)
    join archived_reactions r on r.conversation_id = $1 and r.seq = x.seq and r.emoji = x.emoji
    where r.user_id = $2 and r.added`,
}

// A state may have come first: then the row has no sender yet, and a payload only if the message was deleted.
export const INSERT_MESSAGES = {
  name: 'archive-insert',
  text: `
    insert into archived_messages as a
      (conversation_id, seq, rev, era, ordinal, stamp, sender_id, operation_id, payload, expires)
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::bigint[],
      $7::uuid[], $8::uuid[], $9::text[], $10::bigint[])
    on conflict (conversation_id, seq, era) do update set expires = excluded.expires,
      rev = excluded.rev, ordinal = excluded.ordinal, stamp = excluded.stamp, sender_id = excluded.sender_id,
      operation_id = excluded.operation_id, payload = coalesce(a.payload, excluded.payload)
    where a.sender_id is null`,
}

export const PUT_STATE = {
  name: 'archive-state',
  text: `
    insert into archived_messages as a (conversation_id, seq, era, state_stamp, state_rev, state, payload)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (conversation_id, seq, era) do update set
      state_stamp = excluded.state_stamp, state_rev = excluded.state_rev, state = excluded.state,
      payload = coalesce(excluded.payload, a.payload)
    where a.state_stamp is null or a.state_stamp < excluded.state_stamp`,
}

export const INSERT_CHANGES = {
  name: 'archive-insert-changes',
  text: `
    insert into archived_changes
      (conversation_id, rev, era, kind, seq, target_seq, stamp, sender_id, operation_id, payload)
    select * from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::smallint[], $5::bigint[], $6::bigint[],
      $7::bigint[], $8::uuid[], $9::uuid[], $10::text[])
    on conflict do nothing`,
}

export const INSERT_REPLIES = {
  name: 'archive-insert-replies',
  text: `
    insert into archived_replies (conversation_id, root_seq, seq)
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[]) on conflict do nothing`,
}

/** Once the message ($1, $2) is deleted, what has an older stamp and comes late stays out. */
function notDeletedSince(stamp: string): string {
  return `not exists (
      select 1 from archived_messages a where a.conversation_id = $1 and a.seq = $2 and a.state_stamp > ${stamp}
        and a.state::jsonb -> 'deletion' <> 'null'::jsonb)`
}

export const INSERT_EDIT = {
  name: 'archive-insert-edit',
  text: `
    insert into archived_edits (conversation_id, seq, stamp, content)
    select $1::uuid, $2::bigint, $3::bigint, $4::text where ${notDeletedSince('$3')}
    on conflict do nothing`,
}

export const PUT_REACTION = {
  name: 'archive-reaction',
  text: `
    insert into archived_reactions as r (conversation_id, seq, emoji, user_id, stamp, added)
    select $1::uuid, $2::bigint, $3::text, $4::uuid, $5::bigint, $6::boolean where ${notDeletedSince('$5')}
    on conflict (conversation_id, seq, emoji, user_id) do update set stamp = excluded.stamp, added = excluded.added
    where r.stamp < excluded.stamp`,
}

export const ERASE_EDITS = {
  name: 'archive-erase-edits',
  text: 'delete from archived_edits where conversation_id = $1 and seq = $2 and stamp < $3',
}

export const ERASE_REACTIONS = {
  name: 'archive-erase-reactions',
  text: 'delete from archived_reactions where conversation_id = $1 and seq = $2 and stamp < $3',
}
