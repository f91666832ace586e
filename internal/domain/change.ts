import type { ConversationId, MessageId, Rev, Seq, UserId } from './ids.ts'
import type { Message } from './message.ts'

/** What can happen to a message after it was sent. */
export type ChangeKind = 'edit' | 'delete' | 'reaction' | 'pin'

/** One change as clients pull it: what happened, and the message as it is now. */
export interface Change {
  rev: Rev
  kind: ChangeKind
  messageId: MessageId
  seq: Seq
  /** Null when the asker may not see it (any more). */
  message: Message | null
}

/** A committed change, as live delivery tells of it. */
export interface AppliedChange {
  conversationId: ConversationId
  kind: ChangeKind
  rev: Rev
  /** The conversation's last seq when this was committed: seq + rev numbers messages and changes as one. */
  headSeq: Seq
  actorId: UserId
  /** RFC 3339 UTC with milliseconds. */
  at: string
  /** Reactions only. */
  emoji: string | null
  /** False when a reaction or pin was taken away. */
  added: boolean
  message: Message
}
