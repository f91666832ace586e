import type { Member } from '../../domain/conversation.ts'
import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import { SHARDS } from '../../realtime/ports.ts'
import type { ReceiptMoved, RemovalReason } from '../../service/live/ports.ts'
import type { PresenceSignal } from '../../service/presence/signals.ts'

/** What nodes tell each other over the bus. */
export type LiveEntry = RowEntry | ConversationEntry | PersonalEntry | PresenceEntry

/** A row of a conversation's log: a message or a change. The JSON is never parsed on the way. */
export interface RowEntry {
  kind: 'row'
  conversationId: ConversationId
  /** The conversation's seq and rev with this row; their sum numbers its rows without gaps. */
  seq: Seq
  rev: Rev
  memberVersion: number
  /** Connection that has the reply and must not get the broadcast. */
  origin: string | null
  /** Of the conversation's topic, for example `message:new`. */
  event: string
  /** The message it is about: those who may not see that one are not told. */
  messageSeq: Seq
  json: string
}

/** About a conversation as a whole, to all who follow it. */
export type ConversationEntry =
  | { kind: 'created'; conversationId: ConversationId; memberIds: readonly UserId[] }
  | MembersEntry
  | { kind: 'updated' | 'deleted'; conversationId: ConversationId; memberVersion: number }
  | { kind: 'receipts'; conversationId: ConversationId; receipts: readonly Receipt[] }
  | TypingEntry

export interface TypingEntry {
  kind: 'typing'
  conversationId: ConversationId
  /** Of the conversation when the typist was seen to be a member; 0 when they stop. */
  memberVersion: number
  typist: UserId
  isTyping: boolean
  origin: string
}

export interface MembersEntry {
  kind: 'members'
  conversationId: ConversationId
  memberVersion: number
  joined: readonly Member[]
  left: readonly { member: Member; reason: RemovalReason }[]
  updated: readonly Member[]
}

export type Receipt = Omit<ReceiptMoved, 'conversationId'> & { origin: string | null }

/** To one user's own sockets. */
export type PersonalEntry = { userId: UserId } & (
  | { kind: 'preferences'; conversationId: ConversationId }
  | { kind: 'read'; conversationId: ConversationId; readSeq: Seq; origin: string | null }
  | { kind: 'hidden'; conversationId: ConversationId; rev: Rev; json: string; origin: string | null }
  | { kind: 'settings'; json: string }
  | { kind: 'blocks' }
)

/** To those who share a conversation with the user. */
export type PresenceEntry = { kind: 'presence' } & PresenceSignal

const NOBODY = '-'
const ROW = 'row'
const KINDS: ReadonlySet<unknown> = new Set<Exclude<LiveEntry['kind'], 'row'>>([
  'created',
  'members',
  'updated',
  'deleted',
  'receipts',
  'typing',
  'preferences',
  'read',
  'hidden',
  'settings',
  'blocks',
  'presence',
])

/** A row is one line of fields, then its JSON as the sockets get it; all else, which is rare, is JSON. */
export function encodeLiveEntry(entry: LiveEntry): string {
  if (entry.kind !== 'row') return JSON.stringify(entry)
  const { conversationId, seq, rev, memberVersion, origin, event, messageSeq, json } = entry
  const fields = [ROW, conversationId, seq, rev, memberVersion, origin ?? NOBODY, event, messageSeq]
  return `${fields.join(' ')}\n${json}`
}

/** Null for what a newer version says and this one does not know. */
export function decodeLiveEntry(text: string): LiveEntry | null {
  if (text.startsWith('{')) {
    const entry: LiveEntry = JSON.parse(text)
    return KINDS.has(entry.kind) ? entry : null
  }
  const end = text.indexOf('\n')
  const [kind, id, seq, rev, memberVersion, origin, event, messageSeq] = text.slice(0, end).split(' ')
  if (kind !== ROW || !id || !event) return null
  return {
    kind: ROW,
    conversationId: id as ConversationId,
    seq: Number(seq),
    rev: Number(rev),
    memberVersion: Number(memberVersion),
    origin: origin === NOBODY ? null : (origin ?? null),
    event,
    messageSeq: Number(messageSeq),
    json: text.slice(end + 1),
  }
}

/** Place of a row in its conversation's log, dense from 1. */
export function placeOf({ seq, rev }: { seq: Seq; rev: Rev }): number {
  return seq + rev
}

/** Shard of the bus that carries what concerns a conversation or a user, from its id's random part. */
export function shardOf(id: ConversationId | UserId): number {
  return Number.parseInt(id.slice(-2), 16) % SHARDS
}

export function shardOfEntry(entry: LiveEntry): number {
  return shardOf('userId' in entry ? entry.userId : entry.conversationId)
}
