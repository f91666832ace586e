import { DomainError, notFound } from '../../domain/errors.ts'
import { usernameKey } from '../../domain/identity.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditEntry, AuditQuery, AuditReader, AuditTrail } from '../audit/ports.ts'
import { cutPage, type Page } from '../page.ts'
import type { SessionService } from '../session/sessions.ts'
import type { AdminChange, AdminRepository, AdminUser, AdminUserQuery } from './ports.ts'

export interface AdminDeps {
  repository: AdminRepository
  sessions: SessionService
  audit: AuditTrail
  trail: AuditReader
  clock: Clock
}

/** Heads that one statement holds: sends in them wait for it. */
const BUMPED_AT_ONCE = 500

/** What administrators do to accounts, and what they may read. Doors ask for the scope `admin`. */
export class AdminService {
  readonly #deps: AdminDeps

  constructor(deps: AdminDeps) {
    this.#deps = deps
  }

  async users(query: AdminUserQuery): Promise<Page<AdminUser>> {
    const found = await this.#deps.repository.list({ ...query, limit: query.limit + 1 })
    return cutPage(found, query.limit, ({ id }) => id)
  }

  /**
   * Suspends, reinstates, or changes the role. Suspending ends all sessions.
   * @throws `not_found`; `conflict` for oneself, so that one administrator always remains.
   */
  async change(actor: Actor, id: UserId, change: AdminChange, address: string): Promise<AdminUser> {
    if (id === actor.userId) throw new DomainError('conflict', 'You cannot suspend or demote yourself.')
    const { userId: actorId, sessionId } = actor
    return this.#apply(id, change, { actorId, sessionId, address })
  }

  /** For the command line, where who has the database and SECRET_KEY decides. @throws `not_found`. */
  async setRole(username: string, role: AdminUser['role']): Promise<AdminUser> {
    const user = await this.#deps.repository.findByUsername(usernameKey(username))
    if (!user) throw notFound('user')
    return this.#apply(user.id, { role }, { actorId: null, sessionId: null, address: null })
  }

  async audit(query: AuditQuery): Promise<Page<AuditEntry>> {
    const found = await this.#deps.trail.list({ ...query, limit: query.limit + 1 })
    return cutPage(found, query.limit, ({ id }) => String(id))
  }

  async #apply(
    id: UserId,
    change: AdminChange,
    by: { actorId: UserId | null; sessionId: Actor['sessionId'] | null; address: string | null },
  ): Promise<AdminUser> {
    const { repository, sessions, audit, clock } = this.#deps
    const before = await repository.find(id)
    if (!before || before.status === 'deleted') throw notFound('user')
    await repository.change(id, change, new Date(clock.now()))
    if (change.status === 'suspended') await sessions.endAll(id, null, 'suspended')
    if (change.status !== undefined) await this.authoriseAnew(id)
    await audit.record({
      action: 'admin.user_change',
      outcome: 'success',
      ...by,
      target: id,
      details: { ...change, statusBefore: before.status, roleBefore: before.role },
    })
    const after = await repository.find(id)
    if (!after) throw notFound('user')
    return after
  }

  /** What nodes remember of the user's right to send must not outlive it. */
  async authoriseAnew(id: UserId): Promise<void> {
    let after: ConversationId | null = null
    do {
      after = await this.#deps.repository.bumpConversations(id, after, BUMPED_AT_ONCE)
    } while (after !== null)
  }
}
