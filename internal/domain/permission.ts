import type { ConversationKind, Policy, Role } from './conversation.ts'

/**
 * What somebody may do in a conversation, row by row of the table in docs/security.md. `send` covers reactions
 * and replies; a change of role is asked twice, with the role the member has and the one they are to get.
 */
export type Act =
  | 'read'
  | 'send'
  | 'message.change-own'
  | 'message.delete-others'
  | 'message.pin'
  | 'members.add'
  | 'members.remove'
  | 'members.change-role'
  | 'info.edit'
  | 'policies.edit'
  | 'ttl.edit'
  | 'conversation.delete'
  | 'conversation.transfer'

export interface Standing {
  role: Role
  kind: ConversationKind
  postPolicy: Policy
  invitePolicy: Policy
  infoPolicy: Policy
}

const RANK: Record<Role, number> = { member: 0, moderator: 1, admin: 2, owner: 3 }

/** Nobody acts on someone of equal or higher role. */
export function outranks(actor: Role, target: Role): boolean {
  return RANK[actor] > RANK[target]
}

function atLeast(role: Role, lowest: Role): boolean {
  return RANK[role] >= RANK[lowest]
}

type Rule = (standing: Standing) => boolean

const GROUP_RULES: Record<Act, Rule> = {
  read: () => true,
  send: ({ role, postPolicy }) => postPolicy === 'everyone' || atLeast(role, 'moderator'),
  'message.change-own': () => true,
  'message.delete-others': ({ role }) => atLeast(role, 'moderator'),
  'message.pin': ({ role }) => atLeast(role, 'moderator'),
  'members.add': ({ role, invitePolicy }) => invitePolicy === 'everyone' || atLeast(role, 'moderator'),
  'members.remove': ({ role }) => atLeast(role, 'moderator'),
  'members.change-role': ({ role }) => atLeast(role, 'admin'),
  'info.edit': ({ role, infoPolicy }) => infoPolicy === 'everyone' || atLeast(role, 'admin'),
  'policies.edit': ({ role }) => atLeast(role, 'admin'),
  'ttl.edit': ({ role }) => atLeast(role, 'admin'),
  'conversation.delete': ({ role }) => role === 'owner',
  'conversation.transfer': ({ role }) => role === 'owner',
}

/** In a direct conversation both are equals, and it stays as it was made but for how long messages live. */
const DIRECT_ACTS: ReadonlySet<Act> = new Set<Act>([
  'read',
  'send',
  'message.change-own',
  'message.pin',
  'ttl.edit',
])

/** Whether a member of this standing may act; `target` is the role of the member acted upon, if any. */
export function can(standing: Standing, act: Act, target?: Role): boolean {
  if (standing.kind === 'direct') return DIRECT_ACTS.has(act)
  if (!GROUP_RULES[act](standing)) return false
  if (target === undefined) return true
  // Moderators remove members only; they have no say over one another.
  return outranks(standing.role, target)
}
