import { DomainError, notFound } from '../../domain/errors.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { can } from '../../domain/permission.ts'
import type { AccessReader, SendAccess } from './ports.ts'

const ENTRIES_MAX = 100_000

/**
 * What senders were last seen to be allowed. It may be out of date: the log refuses a send that was
 * authorised against an older version, and the sender is then read anew.
 */
export class AccessCache {
  readonly #reader: AccessReader
  readonly #entries = new Map<string, SendAccess>()

  constructor(reader: AccessReader) {
    this.#reader = reader
  }

  /** Synchronous when known. @throws DomainError not_found when the user is not a member. */
  get(conversationId: ConversationId, userId: UserId, reload: boolean): SendAccess | Promise<SendAccess> {
    const key = conversationId + userId
    const known = this.#entries.get(key)
    if (!known || reload) return this.#load(key, conversationId, userId)
    return known
  }

  async #load(key: string, conversationId: ConversationId, userId: UserId): Promise<SendAccess> {
    const access = await this.#reader.access(conversationId, userId)
    this.#entries.delete(key)
    if (!access) throw notFound('conversation')
    // A refusal is asked for anew each time: the log revalidates only what is allowed to reach it.
    if (sendRefusal(access)) return access
    if (this.#entries.size >= ENTRIES_MAX) {
      const [oldest] = this.#entries.keys()
      if (oldest) this.#entries.delete(oldest)
    }
    this.#entries.set(key, access)
    return access
  }
}

/** Why this member may not send; null when they may. */
export function sendRefusal(access: SendAccess): DomainError | null {
  if (access.isBlocked) return new DomainError('blocked', 'You cannot write to this user.')
  if (!can(access, 'send')) return new DomainError('forbidden', 'Only admins post here.')
  return null
}
