import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import { SHARDS } from '../../realtime/ports.ts'

/** What nodes tell each other over the bus. Ids are written as they are, JSON is never parsed on the way. */
export type LiveEntry = MessageEntry | CreatedEntry

export interface MessageEntry {
  kind: 'message'
  conversationId: ConversationId
  seq: Seq
  memberVersion: number
  /** Connection that has the reply and must not get the broadcast. */
  origin: string | null
  messageJson: string
}

export interface CreatedEntry {
  kind: 'created'
  conversationId: ConversationId
  memberIds: UserId[]
}

const NOBODY = '-'

/** One line of fields, then the message: nodes forward its bytes without looking into them. */
export function encodeLiveEntry(entry: LiveEntry): string {
  if (entry.kind === 'created') return `created ${entry.conversationId}\n${entry.memberIds.join(' ')}`
  const { conversationId, seq, memberVersion, origin, messageJson } = entry
  return `message ${conversationId} ${seq} ${memberVersion} ${origin ?? NOBODY}\n${messageJson}`
}

/** Null for what a newer version says and this one does not know. */
export function decodeLiveEntry(text: string): LiveEntry | null {
  const end = text.indexOf('\n')
  const [kind, conversationId, seq, memberVersion, origin] = text.slice(0, end).split(' ')
  const rest = text.slice(end + 1)
  if (!conversationId) return null
  const id = conversationId as ConversationId
  if (kind === 'created') return { kind, conversationId: id, memberIds: rest.split(' ') as UserId[] }
  if (kind !== 'message') return null
  return {
    kind,
    conversationId: id,
    seq: Number(seq),
    memberVersion: Number(memberVersion),
    origin: origin === NOBODY ? null : (origin ?? null),
    messageJson: rest,
  }
}

/** Shard of the bus that carries a conversation, from its id's random part. */
export function shardOf(conversationId: ConversationId): number {
  return Number.parseInt(conversationId.slice(-2), 16) % SHARDS
}
