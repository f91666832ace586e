import type { UserId } from '../../domain/ids.ts'

/** A notice put into words. */
export interface Letter {
  subject: string
  text: string
  html: string
}

/** One way to reach an address: SMTP, a text message service, the developer outbox. */
export interface Carrier {
  /**
   * Resolves when the other side has taken it. Repeating may deliver twice.
   * @throws Error when it was not taken, or nobody knows.
   */
  carry(userId: UserId, address: string, letter: Letter): Promise<void>
}
