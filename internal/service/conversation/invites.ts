import { randomBytes } from 'node:crypto'
import { type Conversation, type Invite, LIVE_INVITES_MAX } from '../../domain/conversation.ts'
import { DomainError, notFound } from '../../domain/errors.ts'
import type { ConversationId } from '../../domain/ids.ts'
import { can } from '../../domain/permission.ts'
import type { Actor } from '../../domain/user.ts'
import type { ConversationChanger } from './change.ts'
import type { Conversations } from './conversations.ts'
import { checkInvite, forbidden, joiningByInvite } from './decisions.ts'
import type { InvitePreview, InviteRepository, StoredInvite } from './ports.ts'

export interface InvitesDeps {
  repository: InviteRepository
  changer: ConversationChanger
  conversations: Conversations
  /** Where clients are; an invite's address is `/invite/<code>` there. */
  publicUrl: string
  now(): number
}

export interface Previewed {
  invite: Invite
  conversation: Pick<Conversation, 'name' | 'description' | 'avatarUrl' | 'memberCount'>
}

/** 128 random bits: nobody comes upon one. */
const CODE_BYTES = 16
const CODE = /^[A-Za-z0-9_-]{22}$/

/** Links by which people come into a group by themselves. */
export class Invites {
  readonly #deps: InvitesDeps

  constructor(deps: InvitesDeps) {
    this.#deps = deps
  }

  /** For those who may make some; ended ones too, newest first. @throws DomainError not_found, forbidden */
  async list(actor: Actor, id: ConversationId): Promise<Invite[]> {
    await this.#authorise(actor, id)
    const invites = await this.#deps.repository.list(id)
    return invites.map((invite) => this.#present(invite))
  }

  /** @throws DomainError not_found, forbidden, conflict (there are 100 already) */
  async create(
    actor: Actor,
    id: ConversationId,
    { expiresIn, maxUses }: { expiresIn: number | null; maxUses: number | null },
  ): Promise<Invite> {
    await this.#authorise(actor, id)
    const nowMs = this.#deps.now()
    const invite: StoredInvite = {
      code: randomBytes(CODE_BYTES).toString('base64url'),
      createdBy: actor.userId,
      expiresAt: expiresIn === null ? null : new Date(nowMs + expiresIn * 1000),
      maxUses,
      uses: 0,
    }
    const outcome = await this.#deps.repository.create(id, invite, LIVE_INVITES_MAX, new Date(nowMs))
    if (outcome === 'gone') throw notFound('conversation')
    if (outcome === 'full') {
      throw new DomainError('conflict', `There are ${LIVE_INVITES_MAX} invites already; revoke one first.`)
    }
    return this.#present(invite)
  }

  /** One's own, and for admins and moderators anybody's; again is no error. @throws DomainError not_found, forbidden */
  async revoke(actor: Actor, id: ConversationId, code: string): Promise<void> {
    const standing = await this.#deps.conversations.get(actor, id)
    const found = CODE.test(code) ? await this.#deps.repository.find(code) : null
    const isOwn = found?.conversationId === id && found.invite.createdBy === actor.userId
    if (!isOwn && !can(standing, 'members.remove')) {
      throw forbidden('Only admins and moderators revoke the invites of others.')
    }
    if (found) await this.#deps.repository.remove(id, code)
  }

  /** What strangers see before they join. @throws DomainError not_found, gone */
  async preview(code: string): Promise<Previewed> {
    const { invite, name, description, avatarUrl, memberCount } = await this.#find(code)
    checkInvite(invite, this.#deps.now())
    return { invite: this.#present(invite), conversation: { name, description, avatarUrl, memberCount } }
  }

  /**
   * A member's joining again uses nothing.
   * @throws DomainError not_found, gone, conflict (the group is full), forbidden (removed by others before)
   */
  async join(actor: Actor, code: string): Promise<Conversation> {
    const { conversationId } = await this.#find(code)
    const request = { conversationId, actorId: actor.userId, userIds: [], inviteCode: code }
    await this.#deps.changer.change(request, (locked, nowMs) => joiningByInvite(locked, actor.userId, nowMs))
    return this.#deps.conversations.get(actor, conversationId)
  }

  async #find(code: string): Promise<InvitePreview> {
    const found = CODE.test(code) ? await this.#deps.repository.find(code) : null
    if (!found) throw notFound('invite')
    return found
  }

  async #authorise(actor: Actor, id: ConversationId): Promise<void> {
    const standing = await this.#deps.conversations.get(actor, id)
    if (!can(standing, 'members.add')) throw forbidden('Only admins and moderators invite here.')
  }

  #present({ code, expiresAt, maxUses, uses }: StoredInvite): Invite {
    const url = new URL(`/invite/${code}`, this.#deps.publicUrl).href
    return { code, url, expiresAt: expiresAt?.toISOString() ?? null, maxUses, uses }
  }
}
