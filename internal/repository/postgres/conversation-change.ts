import type pg from 'pg'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { LogEntry } from '../../domain/log-entry.ts'
import type {
  ChangeRequest,
  Committed,
  ConversationChanges,
  Decision,
  LockedConversation,
  MemberView,
} from '../../service/conversation/ports.ts'
import {
  BLOCKERS,
  BUMP_HEAD,
  COUNT_MEMBERS,
  DELETE_CONVERSATION,
  DELETE_MEMBER,
  INSERT_MEMBERS,
  INVITE,
  LOCK_ALL_MEMBERS,
  LOCK_HEAD,
  LOCK_MEMBERS,
  LOCK_USERS,
  REMEMBER_ALL,
  REMEMBER_MEMBER,
  SET_ROLES,
  SETTINGS,
  UPDATE_SETTINGS,
  USE_INVITE,
  WAS_REMOVED,
} from './conversation-statements.ts'
import { transaction } from './query.ts'
import { appendSystemMessage } from './system-message.ts'

interface Head {
  seq: Seq
  ordinal: number
}

interface MemberRow extends Omit<MemberView, 'joinedAt'> {
  joinedAt: Date
}

type Applied = Pick<Committed, 'joined' | 'left' | 'reason' | 'updated'>

const NOBODY: Applied = { joined: [], left: [], reason: null, updated: [] }

/** ConversationChanges on PostgreSQL. Locks users, then the head, then members, each in order of their keys. */
export class PostgresConversationChanges implements ConversationChanges {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  change(
    request: ChangeRequest,
    decide: (locked: LockedConversation) => Decision | null,
  ): Promise<Committed | 'gone' | null> {
    return transaction(this.#pool, async (client) => {
      const { conversationId } = request
      const users = await usersOf(client, request)
      const [head] = await rows<Head>(client, LOCK_HEAD, [conversationId])
      if (!head) return 'gone'
      const locked = await load(client, request, users)
      const decision = decide(locked)
      if (!decision) return null
      const [bumped] = await rows<{ member_version: number }>(client, BUMP_HEAD, [conversationId])
      if (!bumped) throw new Error('a locked head vanished')
      const memberVersion = bumped.member_version
      const applied = await apply({ client, request, head, locked }, decision)
      const message = await say(client, conversationId, memberVersion, decision)
      return { kind: decision.kind, memberVersion, message, ...applied }
    })
  }
}

async function rows<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  statement: { name: string; text: string },
  values: unknown[],
): Promise<Row[]> {
  return (await client.query<Row>({ ...statement, values })).rows
}

type Users = Pick<LockedConversation, 'activeUsers' | 'blockers'>

/** Held from here on, so that none of them blocks, or ceases to be, meanwhile. */
async function usersOf(client: pg.ClientBase, { actorId, userIds }: ChangeRequest): Promise<Users> {
  if (userIds.length === 0) return { activeUsers: new Set(), blockers: new Set() }
  const active = await rows<{ id: UserId }>(client, LOCK_USERS, [userIds])
  const blockers = await rows<{ blocker_id: UserId }>(client, BLOCKERS, [actorId, userIds])
  return {
    activeUsers: new Set(active.map((row) => row.id)),
    blockers: new Set(blockers.map((row) => row.blocker_id)),
  }
}

// Statements of their own behind the head's lock: only a new snapshot sees what the lock waited for.
async function load(
  client: pg.ClientBase,
  { conversationId, actorId, userIds, inviteCode }: ChangeRequest,
  users: Users,
): Promise<LockedConversation> {
  type Settings = Omit<LockedConversation, 'members' | 'invite' | 'wasRemoved' | keyof Users>
  const [settings] = await rows<Settings>(client, SETTINGS, [conversationId, actorId])
  if (!settings) throw new Error('a head without a conversation')
  const members = await rows<MemberRow>(client, LOCK_MEMBERS, [conversationId, [actorId, ...userIds]])
  const asked = inviteCode === undefined ? null : [conversationId, inviteCode]
  const [invite] = asked ? await rows<NonNullable<LockedConversation['invite']>>(client, INVITE, asked) : []
  const removed = asked ? await rows(client, WAS_REMOVED, [conversationId, actorId]) : []
  return {
    ...settings,
    ...users,
    members: new Map(members.map((row) => [row.userId, memberOf(row)])),
    invite: invite ?? null,
    wasRemoved: removed.length > 0,
  }
}

function memberOf({ joinedAt, ...row }: MemberRow): MemberView {
  return { ...row, joinedAt: joinedAt.toISOString() }
}

interface Held {
  client: pg.ClientBase
  request: ChangeRequest
  head: Head
  locked: LockedConversation
}

async function apply(held: Held, decision: Decision): Promise<Applied> {
  const { client, request, locked } = held
  const { conversationId: id, nowMs } = request
  switch (decision.kind) {
    case 'join':
      return join(held, decision.userIds, decision.usesInvite)
    case 'leave': {
      const { userId, reason } = decision
      await rows(client, REMEMBER_MEMBER, [userId, id, reason, new Date(nowMs)])
      await rows(client, DELETE_MEMBER, [id, userId])
      await rows(client, COUNT_MEMBERS, [id, -1])
      return { ...NOBODY, left: membersIn(locked, [userId]), reason }
    }
    case 'roles': {
      const userIds = decision.roles.map(({ userId }) => userId)
      const roles = decision.roles.map(({ role }) => role)
      const updated = await rows<MemberRow>(client, SET_ROLES, [id, userIds, roles])
      return { ...NOBODY, updated: updated.map(memberOf) }
    }
    case 'settings': {
      const { settings: s } = decision
      await rows(client, UPDATE_SETTINGS, [
        id,
        s.name,
        s.description,
        s.avatarUrl,
        s.postPolicy,
        s.invitePolicy,
        s.infoPolicy,
        s.historyVisibility,
        s.messageTtl,
      ])
      return NOBODY
    }
    case 'delete':
      await rows(client, LOCK_ALL_MEMBERS, [id])
      await rows(client, REMEMBER_ALL, [id, new Date(nowMs)])
      await rows(client, DELETE_CONVERSATION, [id])
      return NOBODY
  }
}

async function join(
  { client, request, head }: Held,
  userIds: readonly UserId[],
  usesInvite: boolean,
): Promise<Applied> {
  const { conversationId: id, nowMs, inviteCode } = request
  const joined = await rows<MemberRow>(client, INSERT_MEMBERS, [
    id,
    userIds,
    new Date(nowMs),
    head.seq,
    head.ordinal,
  ])
  await rows(client, COUNT_MEMBERS, [id, joined.length])
  if (usesInvite) await rows(client, USE_INVITE, [inviteCode])
  return { ...NOBODY, joined: joined.map(memberOf) }
}

function membersIn({ members }: LockedConversation, userIds: readonly UserId[]): MemberView[] {
  return userIds.flatMap((userId) => members.get(userId) ?? [])
}

async function say(
  client: pg.ClientBase,
  conversationId: ConversationId,
  memberVersion: number,
  decision: Decision,
): Promise<LogEntry | null> {
  if (decision.kind === 'delete' || !decision.says) return null
  return appendSystemMessage(client, { conversationId, memberVersion, ...decision.says })
}
