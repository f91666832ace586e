import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'

export interface ReadMove {
  conversationId: ConversationId
  userId: UserId
  seq: Seq
  /** The conversation's ordinal at seq. */
  ordinal: number
}

export interface PointerStore {
  /**
   * Moves read (and with it delivered) pointers forward, never back, all in one statement; members who left are
   * passed over. Safe to repeat. @throws DomainError dependency_unavailable.
   */
  advanceRead(moves: readonly ReadMove[]): Promise<void>
}
