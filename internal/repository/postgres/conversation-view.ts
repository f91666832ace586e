import type {
  ConversationKind,
  HistoryVisibility,
  Policy,
  Preferences,
  Role,
} from '../../domain/conversation.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { type LogEntry, messageOf } from '../../domain/log-entry.ts'
import type { ConversationView } from '../../service/conversation/ports.ts'

/** One row per membership, with everything a Conversation shows; the viewer is $1. */
export const VIEW_SQL = `
  select c.id, c.kind, c.name, c.description, c.avatar_url, c.member_count, c.post_policy, c.invite_policy,
    c.info_policy, c.history_visibility, c.message_ttl, c.created_by, c.created_at,
    h.seq, h.rev, h.epoch || '.' || e.era epoch, h.stamp, h.ordinal, h.preview,
    m.role, m.joined_seq, m.delivered_seq, m.read_seq, m.read_ordinal,
    m.muted_until, m.notify, m.pinned, m.archived, m.draft,
    case when p.low = m.user_id then p.high else p.low end peer_id
  from conversation_members m
  join conversations c on c.id = m.conversation_id
  join heads h on h.conversation_id = c.id
  cross join cluster_era e
  left join direct_pairs p on p.conversation_id = c.id
  where m.user_id = $1`

export interface ViewRow {
  id: string
  kind: ConversationKind
  name: string | null
  description: string | null
  avatar_url: string | null
  member_count: number
  post_policy: Policy
  invite_policy: Policy
  info_policy: Policy
  history_visibility: HistoryVisibility
  message_ttl: number | null
  created_by: string
  created_at: Date
  seq: number
  rev: number
  epoch: string
  stamp: number
  ordinal: number
  preview: Pick<LogEntry, 'seq' | 'rev' | 'era' | 'stamp' | 'senderId' | 'operationId' | 'payload'> | null
  role: Role
  joined_seq: number
  delivered_seq: number
  read_seq: number
  read_ordinal: number
  muted_until: Date | null
  notify: Preferences['notify']
  pinned: boolean
  archived: boolean
  draft: string | null
  peer_id: string | null
}

export function viewOf(row: ViewRow): ConversationView {
  const id = row.id as ConversationId
  const visible = row.preview && (row.history_visibility === 'all' || row.preview.seq > row.joined_seq)
  return {
    id,
    kind: row.kind,
    name: row.name,
    description: row.description,
    avatarUrl: row.avatar_url,
    memberCount: row.member_count,
    peerId: row.peer_id as UserId | null,
    postPolicy: row.post_policy,
    invitePolicy: row.invite_policy,
    infoPolicy: row.info_policy,
    historyVisibility: row.history_visibility,
    messageTtl: row.message_ttl,
    createdBy: row.created_by as UserId,
    createdAt: row.created_at.toISOString(),
    seq: row.seq,
    rev: row.rev,
    epoch: row.epoch,
    lastMessage:
      visible && row.preview ? messageOf({ ...row.preview, conversationId: id, ordinal: row.ordinal }) : null,
    role: row.role,
    joinedSeq: row.joined_seq,
    deliveredSeq: row.delivered_seq,
    readSeq: row.read_seq,
    unread: row.ordinal - row.read_ordinal,
    mentions: 0,
    preferences: {
      mutedUntil: row.muted_until?.toISOString() ?? null,
      notify: row.notify,
      pinned: row.pinned,
      archived: row.archived,
      draft: row.draft,
    },
  }
}
