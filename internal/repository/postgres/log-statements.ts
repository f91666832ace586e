import { EDITS_MAX } from '../../service/message/ports.ts'
import { CHANGE_ROW_COLUMNS, codeOfKind, LOG_ROW_COLUMNS, MESSAGE_KIND } from './log-entry.ts'

const REACTION_KIND = codeOfKind('reaction')

const TODAY = `(now() at time zone 'UTC')::date`

/**
 * The newest change in the log of each seq that `seqs` lists: [row, ...]. A probe each, because a single message
 * may have thousands of changes. `k` is the archive's cursor: what is older than its day has long been there.
 */
function states(conversation: string, seqs: string): string {
  return `
    (select json_agg(x) from (${seqs}) s(n) cross join lateral (
      select ${CHANGE_ROW_COLUMNS} from log l
      where l.conversation_id = ${conversation} and l.target_seq = s.n
        and l.day between k.day - 1 and ${TODAY} + 1
      order by l.rev desc limit 1) x)`
}

function replies(conversation: string, among: string): string {
  return `
    (select json_agg(json_build_array(t.root_seq, t.replies))
     from threads t where t.conversation_id = ${conversation} and t.root_seq ${among})`
}

const STANDPOINT = `h.seq head_seq, h.rev head_rev, h.epoch || '.' || e.era epoch, h.member_version, m.role`

// `offset 0` here and below: worked out once, and not anew wherever it is used.
const VISIBLE = `
  cross join lateral (
    select greatest(case c.history_visibility when 'all' then 1 else m.joined_seq + 1 end, h.first_seq)
      first_visible offset 0) v`

// One statement, so that head, cursor and tail are of one snapshot: what the tail lacks, the archive has. Of
// several conversations at once, as most of its cost is in starting it.
export const WINDOWS = {
  name: 'windows',
  text: `
    select q.n, ${STANDPOINT}, v.first_visible, r.lo, r.hi,
      (select json_agg(t) from (
        select ${LOG_ROW_COLUMNS} from log l
        where l.conversation_id = q.id and l.seq between r.lo and r.hi and l.kind = ${MESSAGE_KIND}
          and (l.xid, l.position) > (k.xid, k.position) and l.day between k.day - 1 and ${TODAY} + 1
        order by l.seq) t) tail,
      case when h.rev > 0 then ${states('q.id', 'select generate_series(r.lo, r.hi)')} end states,
      ${replies('q.id', 'between r.lo and r.hi')} replies,
      (select json_agg(x.seq) from hidden_messages x
       where x.user_id = q.viewer and x.conversation_id = q.id and x.seq between r.lo and r.hi) hidden,
      (select json_agg(x.seq) from (
        select seq from hidden_messages
        where user_id = q.viewer and conversation_id = q.id and rev >= q.since
        order by rev desc limit 200) x) hidden_since
    from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
      with ordinality q(id, viewer, lane, anchor, seq, size, since, n)
    join conversation_members m on m.conversation_id = q.id and m.user_id = q.viewer
    join conversations c on c.id = q.id
    join heads h on h.conversation_id = q.id
    cross join cluster_era e
    join lanes k on k.follower = 'archive' and k.lane = q.lane ${VISIBLE}
    cross join lateral (
      select case q.anchor
        when 'after' then greatest(q.seq + 1, v.first_visible)
        when 'around' then least(greatest(q.seq, v.first_visible), h.seq) - q.size / 2
        else least(q.seq - 1, h.seq) - q.size + 1 end lowest offset 0) a
    cross join lateral (
      select greatest(a.lowest, v.first_visible) lo, least(a.lowest + q.size - 1, h.seq) hi offset 0) r`,
}

export const STANDPOINT_OF = {
  name: 'standpoint',
  text: `
    select ${STANDPOINT}, v.first_visible
    from conversation_members m
    join conversations c on c.id = m.conversation_id
    join heads h on h.conversation_id = m.conversation_id
    cross join cluster_era e ${VISIBLE}
    where m.conversation_id = $1 and m.user_id = $2`,
}

export const HEADS = {
  name: 'heads',
  text: 'select conversation_id, seq, rev, member_version from heads where conversation_id = any ($1)',
}

export const ENTRIES = {
  name: 'entries',
  text: `
    select ${LOG_ROW_COLUMNS} from log l
    where l.conversation_id = $1 and l.seq = any ($2) and l.kind = ${MESSAGE_KIND} order by l.seq limit 200`,
}

export const OVERLAYS = {
  name: 'overlays',
  text: `
    select ${states('$1', 'select unnest($2::bigint[])')} states,
      ${replies('$1', '= any ($2)')} replies
    from lanes k where k.follower = 'archive' and k.lane = $3`,
}

export const CHANGES = {
  name: 'changes',
  text: `
    select ${CHANGE_ROW_COLUMNS} from log l
    where l.conversation_id = $1 and l.rev between $2 and $3 and l.kind <> ${MESSAGE_KIND}
    order by l.rev limit 200`,
}

export const EDITS = {
  name: 'edits',
  text: `
    select ${CHANGE_ROW_COLUMNS} from log l
    where l.conversation_id = $1 and l.target_seq = $2 and l.kind = ${codeOfKind('edit')}
    order by l.rev desc limit ${EDITS_MAX}`,
}

// A change's payload ends with the message's whole state, which may be large, of each of thousands of changes:
// only its beginning is read. A deletion writes it anew, with spaces and in another order.
const REACTION = `
  substring(left(l.payload, 400) from '"emoji": ?"([^"]+)"') emoji,
  left(l.payload, 400) ~ '"added": ?true' added`

export const REACTIONS_TO = {
  name: 'reactions-to',
  text: `
    select distinct on (x.sender_id) x.sender_id "userId", x.added from (
      select l.sender_id, l.rev, ${REACTION} from log l
      where l.conversation_id = $1 and l.target_seq = $2 and l.kind = ${REACTION_KIND}) x
    where x.emoji = $3
    order by x.sender_id, x.rev desc`,
}

export const REACTIONS_BY = {
  name: 'reactions-by',
  text: `
    select distinct on (x.seq, x.emoji) x.seq, x.emoji, x.added from (
      select l.target_seq seq, l.rev, ${REACTION} from log l
      where l.conversation_id = $1 and l.target_seq = any ($3) and l.kind = ${REACTION_KIND}
        and l.sender_id = $2) x
    order by x.seq, x.emoji, x.rev desc`,
}

export const REPLIES_BEFORE = {
  name: 'replies-before',
  text: `
    select l.seq from log l where l.conversation_id = $1 and l.root_seq = $2 and l.seq < $3
    order by l.seq desc limit $4`,
}

export const REPLIES_AFTER = {
  name: 'replies-after',
  text: `
    select l.seq from log l where l.conversation_id = $1 and l.root_seq = $2 and l.seq > $3
    order by l.seq limit $4`,
}

export const HIDDEN = {
  name: 'hidden',
  text: `select seq from hidden_messages where conversation_id = $1 and user_id = $2 and seq = any ($3)`,
}

export const HIDE = {
  name: 'hide',
  text: `
    insert into hidden_messages as x (conversation_id, user_id, seq, message_id, rev)
    select $1, $2, $3, $4, h.rev from heads h where h.conversation_id = $1
    on conflict (user_id, conversation_id, seq) do update set rev = x.rev
    returning x.rev, x.hidden_at "at"`,
}

export const HIDDEN_SINCE = {
  name: 'hidden-since',
  text: `
    select user_id "userId", conversation_id "conversationId", message_id "messageId", seq, rev, hidden_at "at"
    from hidden_messages where user_id = any ($1) and hidden_at >= $2
    order by hidden_at desc limit 1000`,
}

export const PINS = {
  name: 'pins',
  text: 'select seq from pins where conversation_id = $1 order by stamp desc limit 200',
}

export const FORGET_PINS = {
  name: 'forget-pins',
  text: 'delete from pins where conversation_id = $1 and seq = any ($2)',
}

export const APPEND_ALL = {
  name: 'append-all',
  text: `select * from append_all(${Array.from({ length: 24 }, (_, index) => `$${index + 1}`).join(', ')})`,
}

export const APPEND = {
  name: 'append',
  text: 'select * from append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)',
}

export const CHANGE = {
  name: 'change',
  text: 'select * from change_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)',
}
