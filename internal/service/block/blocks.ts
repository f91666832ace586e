import { invalid, notFound } from '../../domain/errors.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Actor, User } from '../../domain/user.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AuditTrail } from '../audit/ports.ts'
import type { LiveEvents } from '../live/ports.ts'
import { cutPage, type Page } from '../page.ts'
import type { UserRepository } from '../user/ports.ts'
import type { BlockRepository } from './ports.ts'

export interface BlockDeps {
  repository: BlockRepository
  users: UserRepository
  audit: AuditTrail
  clock: Clock
  live: Pick<LiveEvents, 'blocksChanged'>
}

/** Who wants to hear nothing of whom. */
export class BlockService {
  readonly #deps: BlockDeps

  constructor(deps: BlockDeps) {
    this.#deps = deps
  }

  /** Again is no error. @throws `not_found`; `validation_failed` for oneself. */
  async block(actor: Actor, id: UserId, address: string): Promise<void> {
    if (id === actor.userId) throw invalid('id', 'You cannot block yourself.')
    const [user] = await this.#deps.users.byIds([id])
    if (!user) throw notFound('user')
    await this.#set(actor, id, true, address)
  }

  /** Again, or where there was no block, is no error. */
  async unblock(actor: Actor, id: UserId, address: string): Promise<void> {
    await this.#set(actor, id, false, address)
  }

  async list(actor: Actor, limit: number, after: UserId | null): Promise<Page<User>> {
    const users = await this.#deps.repository.list(actor.userId, after, limit + 1)
    return cutPage(users, limit, ({ id }) => id)
  }

  /** Blocks either way between a user and others: for conversations, mentions, presence. */
  among(userId: UserId, others: readonly UserId[]) {
    return this.#deps.repository.among(userId, others)
  }

  async #set(actor: Actor, id: UserId, blocked: boolean, address: string): Promise<void> {
    const { repository, clock, audit, live } = this.#deps
    if (!(await repository.set(actor.userId, id, blocked, new Date(clock.now())))) return
    live.blocksChanged(id)
    await audit.record({
      action: blocked ? 'user.block' : 'user.unblock',
      outcome: 'success',
      actorId: actor.userId,
      sessionId: actor.sessionId,
      target: id,
      address,
    })
  }
}
