import type { UserId } from '../../domain/ids.ts'

/** A notice put into words. */
export interface Letter {
  /** The same whenever it is sent again, so that whoever got it twice can tell. */
  id: string
  subject: string
  text: string
  html: string
  /** Where one click ends mails of this kind; null for those that always come. */
  unsubscribeUrl: string | null
}

/** One way to reach an address: SMTP, a text message service, the developer outbox. */
export interface Carrier {
  /**
   * Resolves when the other side has taken it. Repeating may deliver twice.
   * @throws Undelivered, or any other Error when nobody knows.
   */
  carry(userId: UserId, address: string, letter: Letter): Promise<void>
  /** Ends connections, those in use when they are done. */
  close(): void
}

/**
 * - `retry`: certainly not delivered, and may be later; `misconfigured` when it is this server that was refused.
 * - `unknown`: no answer; may have been delivered.
 * - `refused`: will never be accepted; `noSuchAddress` when it is the address that was refused.
 */
export type Failure =
  | { kind: 'retry'; misconfigured: boolean }
  | { kind: 'unknown' }
  | { kind: 'refused'; noSuchAddress: boolean }

/** Why a letter was not delivered; the message is what the other side said. */
export class Undelivered extends Error {
  readonly failure: Failure

  constructor(message: string, failure: Failure, cause?: unknown) {
    super(message, { cause })
    this.name = 'Undelivered'
    this.failure = failure
  }
}

/** What was mailed to whom. Throws DomainError `dependency_unavailable`. */
export interface MailLedger {
  /** Counts a mail to the user; false when the day has had as many as it may. */
  admit(userId: UserId, nowMs: number): Promise<boolean>
  /** The address was refused for good; repeating counts again. */
  refused(userId: UserId, address: string, nowMs: number): Promise<void>
}
