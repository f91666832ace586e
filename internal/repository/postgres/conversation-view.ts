import { type InferResult, sql } from 'kysely'
import type { UserId } from '../../domain/ids.ts'
import { messageOf, readPreview } from '../../domain/log-entry.ts'
import type { Message } from '../../domain/message.ts'
import type { ConversationView } from '../../service/conversation/ports.ts'
import { db } from './statement.ts'

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
  'h.stamp',
  'h.ordinal',
  'h.preview',
  'h.preview_seq as previewSeq',
  'h.preview_stamp as previewStamp',
  'h.preview_era as previewEra',
] as const

/** A viewer's conversations: one row per membership, with everything a Conversation shows. */
export function viewsOf(viewerId: UserId) {
  return db
    .selectFrom('conversation_members as m')
    .innerJoin('conversations as c', 'c.id', 'm.conversation_id')
    .innerJoin('heads as h', 'h.conversation_id', 'c.id')
    .crossJoin('cluster_era as e')
    .leftJoin('direct_pairs as p', 'p.conversation_id', 'c.id')
    .where('m.user_id', '=', viewerId)
    .select(CONVERSATION)
    .select(HEAD)
    .select(MEMBER)
    .select(sql<string>`h.epoch || '.' || e.era`.as('epoch'))
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

type ViewRow = InferResult<ReturnType<typeof viewsOf>>[number]

export function viewOf(row: ViewRow): ConversationView {
  const {
    stamp: _,
    ordinal,
    readOrdinal,
    preview,
    previewSeq,
    previewStamp,
    previewEra,
    createdAt,
    ...rest
  } = row
  const { mutedUntil, notify, pinned, archived, draft, ...conversation } = rest
  return {
    ...conversation,
    createdAt: createdAt.toISOString(),
    lastMessage: lastMessageOf(row),
    unread: ordinal - readOrdinal,
    mentions: 0,
    preferences: { mutedUntil: mutedUntil?.toISOString() ?? null, notify, pinned, archived, draft },
  }
}

function lastMessageOf(row: ViewRow): Message | null {
  const { id, rev, ordinal, preview, previewSeq, previewStamp, previewEra } = row
  if (preview === null || previewSeq === null || previewStamp === null || previewEra === null) return null
  if (row.historyVisibility === 'joined' && previewSeq <= row.joinedSeq) return null
  const place = { conversationId: id, seq: previewSeq, rev, era: previewEra, ordinal, stamp: previewStamp }
  return messageOf({ ...readPreview(preview), ...place })
}
