import type { Member, Role } from '../../domain/conversation.ts'
import { notFound } from '../../domain/errors.ts'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { AuditEvent, AuditTrail } from '../audit/ports.ts'
import { type ConversationChanger, membersOf } from './change.ts'
import { addition, leaving, removal, roleChange, transfer } from './decisions.ts'
import type { ConversationRepository, UserDirectory } from './ports.ts'

export interface MembersDeps {
  changer: ConversationChanger
  repository: ConversationRepository
  users: UserDirectory
  audit: AuditTrail
}

/** Members added in one transaction. */
const STEP = 500

/** Who is in a group, and as what. Every method throws not_found to those who are not members. */
export class Members {
  readonly #deps: MembersDeps

  constructor(deps: MembersDeps) {
    this.#deps = deps
  }

  /**
   * Answers those asked for, who now are members all; `added` is false when they had been before. More than
   * 500 are added in steps of 500: when one is refused, those of the steps before it stay.
   * @throws DomainError forbidden, not_found (a user), blocked (by a user), conflict (the group is full)
   */
  async add(
    actor: Actor,
    id: ConversationId,
    userIds: readonly UserId[],
  ): Promise<{ members: Member[]; added: boolean }> {
    const asked = [...new Set(userIds)]
    let added = false
    for (let start = 0; start < asked.length; start += STEP) {
      const step = asked.slice(start, start + STEP)
      const request = { conversationId: id, actorId: actor.userId, userIds: step }
      const committed = await this.#deps.changer.change(request, (locked) =>
        addition(locked, actor.userId, step),
      )
      added ||= committed !== null
    }
    return { members: await this.#read(id, asked), added }
  }

  /** @throws DomainError forbidden, not_found (the member) */
  async setRole(
    actor: Actor,
    id: ConversationId,
    { userId, role }: { userId: UserId; role: Exclude<Role, 'owner'> },
    address: string,
  ): Promise<Member> {
    const request = { conversationId: id, actorId: actor.userId, userIds: [userId] }
    const committed = await this.#deps.changer.change(request, (locked) =>
      roleChange(locked, actor.userId, { userId, role }),
    )
    if (committed) {
      const details = { conversationId: id, role }
      await this.#record(actor, address, { action: 'conversation.role_change', target: userId, details })
    }
    const [member] = await this.#read(id, [userId])
    if (!member) throw notFound('member')
    return member
  }

  /** Again is no error; oneself: as `leave`. @throws DomainError forbidden */
  async remove(actor: Actor, id: ConversationId, userId: UserId, address: string): Promise<void> {
    if (userId === actor.userId) return this.leave(actor, id, address)
    const request = { conversationId: id, actorId: actor.userId, userIds: [userId] }
    const committed = await this.#deps.changer.change(request, (locked) =>
      removal(locked, actor.userId, userId),
    )
    if (!committed) return
    const details = { conversationId: id }
    await this.#record(actor, address, { action: 'conversation.remove_member', target: userId, details })
  }

  /** The only member's leaving deletes the group. @throws DomainError forbidden (direct), conflict (the owner) */
  async leave(actor: Actor, id: ConversationId, address: string): Promise<void> {
    const request = { conversationId: id, actorId: actor.userId, userIds: [] }
    const committed = await this.#deps.changer.change(request, (locked) => leaving(locked, actor.userId))
    if (committed?.kind !== 'delete') return
    await this.#record(actor, address, { action: 'conversation.delete', target: id })
  }

  /** The former owner stays as an admin. @throws DomainError forbidden, not_found (the member), validation_failed */
  async transfer(actor: Actor, id: ConversationId, userId: UserId, address: string): Promise<void> {
    const request = { conversationId: id, actorId: actor.userId, userIds: [userId] }
    await this.#deps.changer.change(request, (locked) => transfer(locked, actor.userId, userId))
    const details = { conversationId: id }
    await this.#record(actor, address, { action: 'conversation.transfer', target: userId, details })
  }

  async #read(id: ConversationId, userIds: readonly UserId[]): Promise<Member[]> {
    const views = await this.#deps.repository.membersById(id, userIds)
    return membersOf(views, await this.#deps.users.byIds(views.map((view) => view.userId)))
  }

  #record(
    actor: Actor,
    address: string,
    event: Pick<AuditEvent, 'action' | 'target' | 'details'>,
  ): Promise<void> {
    const { userId: actorId, sessionId } = actor
    return this.#deps.audit.record({ ...event, outcome: 'success', actorId, sessionId, address })
  }
}
