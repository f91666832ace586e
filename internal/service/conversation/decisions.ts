import { type ConversationSettings, GROUP_MEMBERS_MAX, type Role } from '../../domain/conversation.ts'
import { DomainError, invalid, notFound } from '../../domain/errors.ts'
import type { UserId } from '../../domain/ids.ts'
import type { SystemEvent } from '../../domain/message.ts'
import { type Act, can, type Standing } from '../../domain/permission.ts'
import type { Decision, LockedConversation, MemberView } from './ports.ts'

// What may be done to a conversation, decided on it as it is behind its lock: pure, and the only place.

/** @throws DomainError not_found when the actor is not a member: they may not know that it is there. */
function actorIn(locked: LockedConversation, actorId: UserId): MemberView & { standing: Standing } {
  const actor = locked.members.get(actorId)
  if (!actor) throw notFound('conversation')
  const { kind, postPolicy, invitePolicy, infoPolicy } = locked
  return { ...actor, standing: { role: actor.role, kind, postPolicy, invitePolicy, infoPolicy } }
}

function said(event: SystemEvent['event'], actorId: UserId, userIds: UserId[]): SystemEvent {
  return { event, actorId, userIds }
}

export function forbidden(message: string): DomainError {
  return new DomainError('forbidden', message)
}

function authorise(standing: Standing, act: Act, message: string, target?: Role): void {
  if (!can(standing, act, target)) throw forbidden(message)
}

function checkRoom(locked: LockedConversation, more: number): void {
  if (locked.memberCount + more <= GROUP_MEMBERS_MAX) return
  throw new DomainError('conflict', `A group has at most ${GROUP_MEMBERS_MAX} members.`)
}

/** Those who are members already stay as they are. */
export function addition(
  locked: LockedConversation,
  actorId: UserId,
  userIds: readonly UserId[],
): Decision | null {
  const { standing } = actorIn(locked, actorId)
  const refusal =
    locked.kind === 'direct'
      ? 'A direct conversation cannot gain members.'
      : 'Only admins and moderators add members here.'
  authorise(standing, 'members.add', refusal)
  const joining = [...new Set(userIds)].filter((id) => !locked.members.has(id))
  if (joining.length === 0) return null
  if (joining.some((id) => !locked.activeUsers.has(id))) throw notFound('user')
  if (joining.some((id) => locked.blockers.has(id))) {
    throw new DomainError('blocked', 'You cannot add this user.')
  }
  checkRoom(locked, joining.length)
  const says = said('member_joined', actorId, joining)
  return { kind: 'join', userIds: joining, usesInvite: false, says }
}

/** A member comes back without an invite's being used. */
export function joiningByInvite(locked: LockedConversation, actorId: UserId, nowMs: number): Decision | null {
  if (locked.members.has(actorId)) return null
  const { invite } = locked
  if (!invite) throw notFound('invite')
  checkInvite(invite, nowMs)
  // Whoever was sent away comes back when they are asked to, not by a link that they kept.
  if (locked.wasRemoved) throw forbidden('You were removed from this group; a member can add you again.')
  checkRoom(locked, 1)
  const says = said('member_joined', actorId, [actorId])
  return { kind: 'join', userIds: [actorId], usesInvite: true, says }
}

/** @throws DomainError gone when it lets nobody in any more. */
export function checkInvite(
  {
    expiresAt,
    maxUses,
    uses,
  }: Pick<NonNullable<LockedConversation['invite']>, 'expiresAt' | 'maxUses' | 'uses'>,
  nowMs: number,
): void {
  if (expiresAt !== null && expiresAt.getTime() <= nowMs) {
    throw new DomainError('gone', 'This invite has expired.')
  }
  if (maxUses !== null && uses >= maxUses) throw new DomainError('gone', 'This invite is used up.')
}

/** Removing oneself is leaving. */
export function removal(locked: LockedConversation, actorId: UserId, userId: UserId): Decision | null {
  if (userId === actorId) return leaving(locked, actorId)
  const { standing } = actorIn(locked, actorId)
  authorise(standing, 'members.remove', 'Only admins and moderators remove members.')
  const target = locked.members.get(userId)
  if (!target) return null
  authorise(
    standing,
    'members.remove',
    'You cannot remove a member of your role or a higher one.',
    target.role,
  )
  const says = said('member_removed', actorId, [userId])
  return { kind: 'leave', userId, reason: 'removed', says }
}

/** The last one out takes the group along. */
export function leaving(locked: LockedConversation, actorId: UserId): Decision {
  const { role } = actorIn(locked, actorId)
  if (locked.kind === 'direct') throw forbidden('A direct conversation cannot be left; archive it.')
  if (role === 'owner') {
    if (locked.memberCount === 1) return { kind: 'delete' }
    throw new DomainError('conflict', 'Transfer the group to another member before you leave it.')
  }
  const says = said('member_left', actorId, [actorId])
  return { kind: 'leave', userId: actorId, reason: 'left', says }
}

export function roleChange(
  locked: LockedConversation,
  actorId: UserId,
  { userId, role }: { userId: UserId; role: Exclude<Role, 'owner'> },
): Decision | null {
  const { standing } = actorIn(locked, actorId)
  authorise(standing, 'members.change-role', 'Only admins change roles.')
  const target = locked.members.get(userId)
  if (!target) throw notFound('member')
  authorise(standing, 'members.change-role', 'You cannot change a role like yours or above.', target.role)
  authorise(standing, 'members.change-role', 'You can give roles below your own only.', role)
  if (target.role === role) return null
  return { kind: 'roles', roles: [{ userId, role }], says: null }
}

/** The former owner stays as an admin. */
export function transfer(locked: LockedConversation, actorId: UserId, userId: UserId): Decision {
  const { standing } = actorIn(locked, actorId)
  authorise(standing, 'conversation.transfer', 'Only the owner transfers a group.')
  if (userId === actorId) throw invalid('userId', 'is the owner already')
  if (!locked.members.has(userId)) throw notFound('member')
  if (!locked.activeUsers.has(userId)) throw notFound('user')
  return {
    kind: 'roles',
    roles: [
      { userId, role: 'owner' },
      { userId: actorId, role: 'admin' },
    ],
    says: said('ownership_transferred', actorId, [userId]),
  }
}

const ACT_OF: Record<keyof ConversationSettings, Act> = {
  name: 'info.edit',
  description: 'info.edit',
  avatarUrl: 'info.edit',
  postPolicy: 'policies.edit',
  invitePolicy: 'policies.edit',
  infoPolicy: 'policies.edit',
  historyVisibility: 'policies.edit',
  messageTtl: 'ttl.edit',
}

/** Every field asked for has to be allowed, changed or not. */
export function settingsChange(
  locked: LockedConversation,
  actorId: UserId,
  change: Partial<ConversationSettings>,
): Decision | null {
  const { standing } = actorIn(locked, actorId)
  const fields = settingNames(change)
  for (const field of fields) {
    authorise(standing, ACT_OF[field], `You may not change ${field} here.`)
  }
  if (fields.every((field) => change[field] === locked[field])) return null
  // How long messages live holds for those of the other one, too, and it is said.
  if (locked.isBlocked) throw new DomainError('blocked', 'You cannot write to this user.')
  const { name, description, avatarUrl, postPolicy, invitePolicy, infoPolicy } = locked
  const { historyVisibility, messageTtl } = locked
  const before = {
    name,
    description,
    avatarUrl,
    postPolicy,
    invitePolicy,
    infoPolicy,
    historyVisibility,
    messageTtl,
  }
  const says = said('conversation_updated', actorId, [])
  return { kind: 'settings', settings: { ...before, ...change }, says }
}

function settingNames(change: Partial<ConversationSettings>): (keyof ConversationSettings)[] {
  return Object.keys(change).filter((name): name is keyof ConversationSettings => name in ACT_OF)
}

export function deletion(locked: LockedConversation, actorId: UserId): Decision {
  const { standing } = actorIn(locked, actorId)
  authorise(standing, 'conversation.delete', 'Only the owner deletes a group.')
  return { kind: 'delete' }
}
