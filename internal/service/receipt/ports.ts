import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'

export interface ReadMove {
  conversationId: ConversationId
  userId: UserId
  seq: Seq
  /** The conversation's ordinal at seq. */
  ordinal: number
}

export interface PointerStore {
  /** Moves read (and with it delivered) pointers forward, never back; members who left are passed over. */
  advanceRead(moves: readonly ReadMove[]): Promise<void>
}
