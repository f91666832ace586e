import { type InferResult, sql } from 'kysely'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { decodeState, messageOf, readPreview } from '../../domain/log-entry.ts'
import type { Message } from '../../domain/message.ts'
import type { ConversationView } from '../../service/conversation/ports.ts'
import { db, rowsOf } from './statement.ts'

const CONVERSATION = [
  'c.id',
  'c.kind',
  'c.name',
  'c.description',
  'c.avatar_url as avatarUrl',
  'c.member_count as memberCount',
  'c.post_policy as postPolicy',
  'c.invite_policy as invitePolicy',
  'c.info_policy as infoPolicy',
  'c.history_visibility as historyVisibility',
  'c.message_ttl as messageTtl',
  'c.created_by as createdBy',
  'c.created_at as createdAt',
] as const

const MEMBER = [
  'm.user_id as viewerId',
  'm.role',
  'm.joined_seq as joinedSeq',
  'm.delivered_seq as deliveredSeq',
  'm.read_seq as readSeq',
  'm.read_ordinal as readOrdinal',
  'm.muted_until as mutedUntil',
  'm.notify',
  'm.pinned',
  'm.archived',
  'm.draft',
] as const

const HEAD = [
  'h.seq',
  'h.rev',
  'h.ordinal',
  'h.preview',
  'h.preview_seq as previewSeq',
  'h.preview_stamp as previewStamp',
  'h.preview_era as previewEra',
  'h.preview_rev as previewRev',
  'h.preview_changed as previewChanged',
] as const

// A message that names a member and all is one mention; who is blocked mentions nobody who blocked them.
const MENTIONS = sql<number>`(
  select count(*) from (
    select x.seq, x.sender_id from mentions x
    where x.conversation_id = m.conversation_id and x.user_id = m.user_id and x.seq > m.read_seq
    union
    select x.seq, x.sender_id from mentions x
    where x.conversation_id = m.conversation_id and x.user_id is null and x.seq > m.read_seq) x
  where x.sender_id <> m.user_id and not exists (
    select 1 from blocks b where b.blocker_id = m.user_id and b.blocked_id = x.sender_id))`

// Deleted for oneself, or below what retention has left.
const IS_PREVIEW_GONE = sql<boolean>`h.preview_seq < h.first_seq or exists (
  select 1 from hidden_messages x
  where x.user_id = m.user_id and x.conversation_id = m.conversation_id and x.seq = h.preview_seq)`

/** By its last message: a reaction to an old one moves no conversation up. Microseconds since 1970. */
export const ACTIVITY = sql<number>`coalesce(h.preview_stamp, h.stamp)`

/** One row per membership, with everything that a Conversation shows to that member. */
function views() {
  return db
    .selectFrom('conversation_members as m')
    .innerJoin('conversations as c', 'c.id', 'm.conversation_id')
    .innerJoin('heads as h', 'h.conversation_id', 'c.id')
    .crossJoin('cluster_era as e')
    .leftJoin('direct_pairs as p', 'p.conversation_id', 'c.id')
    .select(CONVERSATION)
    .select(HEAD)
    .select(ACTIVITY.as('activity'))
    .select(MEMBER)
    .select(sql<string>`h.epoch || '.' || e.era`.as('epoch'))
    .select(MENTIONS.as('mentions'))
    .select(IS_PREVIEW_GONE.as('isPreviewGone'))
    .select((eb) =>
      eb
        .case()
        .when('p.low', '=', eb.ref('m.user_id'))
        .then(eb.ref('p.high'))
        .else(eb.ref('p.low'))
        .end()
        .as('peerId'),
    )
}

/** A viewer's conversations. */
export function viewsOf(viewerId: UserId) {
  return views().where('m.user_id', '=', viewerId)
}

/** One conversation as each of these sees it, as far as they are members. */
export function viewsFor(id: ConversationId, viewerIds: readonly UserId[]) {
  return views()
    .where('m.conversation_id', '=', id)
    .where(sql<boolean>`m.user_id = any (${viewerIds}::uuid[])`)
}

/** Any conversations, each as one viewer sees it, as far as they are members. */
export function viewsOfThese(asked: readonly { id: ConversationId; viewerId: UserId }[]) {
  const these = rowsOf<{ id: ConversationId; viewerId: UserId }, 'q'>('q', {
    id: ['uuid', asked.map(({ id }) => id)],
    viewerId: ['uuid', asked.map(({ viewerId }) => viewerId)],
  })
  return views().innerJoin(these, (join) =>
    join.onRef('m.conversation_id', '=', 'q.id').onRef('m.user_id', '=', 'q.viewerId'),
  )
}

type ViewRow = InferResult<ReturnType<typeof views>>[number]

export function viewOf(row: ViewRow): ConversationView {
  const { mutedUntil, notify, pinned, archived, draft } = row
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    description: row.description,
    avatarUrl: row.avatarUrl,
    memberCount: row.memberCount,
    peerId: row.peerId,
    postPolicy: row.postPolicy,
    invitePolicy: row.invitePolicy,
    infoPolicy: row.infoPolicy,
    historyVisibility: row.historyVisibility,
    messageTtl: row.messageTtl,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    seq: row.seq,
    rev: row.rev,
    epoch: row.epoch,
    lastMessage: lastMessageOf(row),
    role: row.role,
    joinedSeq: row.joinedSeq,
    deliveredSeq: row.deliveredSeq,
    readSeq: row.readSeq,
    unread: row.ordinal - row.readOrdinal,
    mentions: row.mentions,
    preferences: { mutedUntil: mutedUntil?.toISOString() ?? null, notify, pinned, archived, draft },
  }
}

function lastMessageOf(row: ViewRow): Message | null {
  const { id, ordinal, preview, previewSeq: seq, previewStamp: stamp, previewEra: era } = row
  if (preview === null || seq === null || stamp === null || era === null) return null
  if (row.isPreviewGone || (row.historyVisibility === 'joined' && seq <= row.joinedSeq)) return null
  const { state, ...written } = readPreview(preview)
  const changed = state === undefined ? null : decodeState(state, row.previewRev, row.previewChanged ?? stamp)
  const place = { conversationId: id, seq, rev: row.previewRev, era, ordinal, stamp }
  return messageOf({ ...written, ...place, state: changed })
}
