import { invalid, notFound } from '../../domain/errors.ts'
import {
  displayNameFault,
  emailIdentity,
  phoneIdentity,
  usernameFault,
  usernameKey,
} from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Actor, OwnUser, User } from '../../domain/user.ts'
import { cutPage, type Page } from '../page.ts'
import type { ProfileChange, UserRepository } from './ports.ts'
import { newPublicId } from './public-id.ts'

const IDS_PER_QUERY = 1000

/** Profiles: one's own and others'. */
export class UserService {
  readonly #users: UserRepository

  constructor(users: UserRepository) {
    this.#users = users
  }

  async me(actor: Actor): Promise<OwnUser> {
    const user = await this.#users.own(actor.userId)
    if (!user) throw notFound('user')
    return user
  }

  /** @throws DomainError `validation_failed`; `conflict` when the username is taken. */
  async change(actor: Actor, change: ProfileChange): Promise<OwnUser> {
    const faults = {
      username: change.username === undefined ? null : usernameFault(change.username),
      displayName: change.displayName === undefined ? null : displayNameFault(change.displayName),
    }
    for (const [path, fault] of Object.entries(faults)) {
      if (fault !== null) throw invalid(path, `The ${path} ${fault}.`)
    }
    await this.#users.change(actor.userId, change)
    return this.me(actor)
  }

  async rotatePublicId(actor: Actor): Promise<OwnUser> {
    await this.#users.setPublicId(actor.userId, newPublicId())
    return this.me(actor)
  }

  async get(id: UserId): Promise<User> {
    const [user] = await this.#users.byIds([id])
    if (!user) throw notFound('user')
    return user
  }

  /** Those of the ids that exist, deleted ones as `Deleted user`. */
  async byIds(ids: readonly UserId[]): Promise<Map<UserId, User>> {
    const distinct = [...new Set(ids)]
    const found = new Map<UserId, User>()
    for (let start = 0; start < distinct.length; start += IDS_PER_QUERY) {
      const users = await this.#users.byIds(distinct.slice(start, start + IDS_PER_QUERY))
      for (const user of users) found.set(user.id, user)
    }
    return found
  }

  /**
   * By the beginning of a username, or by a whole email address, phone number or public id; ascending by
   * username. Addresses find their owner, verified or not, and are never answered.
   */
  async search(query: string, limit: number, cursor: string | null): Promise<Page<User>> {
    const text = query.trim()
    const users = await this.#users.search({
      usernamePrefix: /^[A-Za-z0-9._-]{1,32}$/.test(text) ? usernameKey(text) : null,
      email: text.includes('@') ? (emailIdentity(text)?.key ?? null) : null,
      phone: text.startsWith('+') ? (phoneIdentity(text)?.key ?? null) : null,
      publicId: /^[0-9a-z]{12}$/.test(text) ? text : null,
      after: cursor === null ? null : usernameKey(cursor),
      limit: limit + 1,
    })
    return cutPage(users, limit, ({ username }) => username)
  }
}
