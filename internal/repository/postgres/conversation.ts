import { sql } from 'kysely'
import type pg from 'pg'
import { DomainError } from '../../domain/errors.ts'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type {
  ActivityCursor,
  ConversationRepository,
  ConversationView,
  Created,
  MemberCursor,
  Membership,
  MemberView,
  NewConversation,
} from '../../service/conversation/ports.ts'
import type { AccessReader, RoleReader, SendAccess } from '../../service/message/ports.ts'
import { createConversation } from './conversation-create.ts'
import { ACTIVITY, viewOf, viewsFor, viewsOf, viewsOfThese } from './conversation-view.ts'
import { Gathering } from './gathering.ts'
import { query, transaction } from './query.ts'
import { db, run } from './statement.ts'

const MEMBERSHIPS_MAX = 5000

interface Viewed {
  id: ConversationId
  viewerId: UserId
}

// One statement, so that the version is that of the members it answers.
const MEMBERS_AMONG = {
  name: 'members-among',
  text: `
    select h.member_version, m.user_id, m.joined_seq from heads h
    left join conversation_members m on m.conversation_id = h.conversation_id and m.user_id = any ($2)
    where h.conversation_id = $1`,
}

export class PostgresConversations implements ConversationRepository, AccessReader, RoleReader {
  readonly #pool: pg.Pool
  readonly #found: Gathering<Viewed, ConversationView | null>

  constructor(pool: pg.Pool) {
    this.#pool = pool
    this.#found = new Gathering((asked) => this.#findThese(asked))
  }

  create(conversation: NewConversation): Promise<Created> {
    return transaction(this.#pool, (client) => createConversation(client, conversation))
  }

  find(id: ConversationId, viewerId: UserId): Promise<ConversationView | null> {
    return this.#found.ask({ id, viewerId })
  }

  async viewsFor(id: ConversationId, viewerIds: readonly UserId[]) {
    const rows = await run(this.#pool, 'conversation-views-for', viewsFor(id, viewerIds))
    return new Map(rows.map((row) => [row.viewerId, viewOf(row)]))
  }

  async membersAmong(id: ConversationId, userIds: readonly UserId[]) {
    type Row = { member_version: number; user_id: UserId | null; joined_seq: Seq | null }
    const rows = await query<Row>(this.#pool, MEMBERS_AMONG, [id, userIds])
    const [first] = rows
    if (!first) return null
    return {
      memberVersion: first.member_version,
      joinedSeqs: new Map(
        rows.flatMap(({ user_id: userId, joined_seq: seq }) =>
          userId === null || seq === null ? [] : [[userId, seq] as const],
        ),
      ),
    }
  }

  async list(viewerId: UserId, limit: number, after: ActivityCursor | null) {
    const first = viewsOf(viewerId)
      .orderBy(ACTIVITY, 'desc')
      .orderBy('c.id', 'desc')
      .limit(limit + 1)
    const rows = after
      ? await run(
          this.#pool,
          'conversation-list-after',
          first.where(sql<boolean>`(${ACTIVITY}, c.id) < (${after.stamp}::bigint, ${after.id}::uuid)`),
        )
      : await run(this.#pool, 'conversation-list', first)
    const items = rows.slice(0, limit)
    const last = rows.length > limit ? items.at(-1) : undefined
    return { items: items.map(viewOf), next: last ? { stamp: last.activity, id: last.id } : null }
  }

  async members(id: ConversationId, viewerId: UserId, limit: number, after: MemberCursor | null) {
    const first = membersOf(id, viewerId).limit(limit)
    const rows = after
      ? await run(
          this.#pool,
          'conversation-members-after',
          first.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('m.joined_at', 'm.user_id'), '>', tuple(new Date(after.joinedAt), after.userId)),
          ),
        )
      : await run(this.#pool, 'conversation-members', first)
    if (rows.length === 0 && !(await this.#isMember(id, viewerId))) return null
    return rows.map(memberOf)
  }

  async membersById(id: ConversationId, userIds: readonly UserId[]) {
    const asked = db
      .selectFrom('conversation_members as m')
      .where('m.conversation_id', '=', id)
      .where(sql<boolean>`m.user_id = any (${userIds}::uuid[])`)
      .select(MEMBER)
    return (await run(this.#pool, 'conversation-members-by-id', asked)).map(memberOf)
  }

  async #isMember(id: ConversationId, userId: UserId): Promise<boolean> {
    return (await run(this.#pool, 'conversation-is-member', membership(id, userId))).length > 0
  }

  async roleOf(id: ConversationId, userId: UserId) {
    const [row] = await run(this.#pool, 'conversation-role', membership(id, userId))
    return row?.role ?? null
  }

  memberships(userId: UserId): Promise<Membership[]> {
    const lastActive = db
      .selectFrom('conversation_members as m')
      .innerJoin('heads as h', 'h.conversation_id', 'm.conversation_id')
      .where('m.user_id', '=', userId)
      .select(['m.conversation_id as id', 'h.seq', 'h.rev', 'h.member_version as memberVersion'])
      .orderBy('h.stamp', 'desc')
      .limit(MEMBERSHIPS_MAX)
    return run(this.#pool, 'memberships', lastActive)
  }

  async access(conversationId: ConversationId, userId: UserId): Promise<SendAccess | null> {
    const access = db
      .selectFrom('conversation_members as m')
      .innerJoin('conversations as c', 'c.id', 'm.conversation_id')
      .innerJoin('heads as h', 'h.conversation_id', 'm.conversation_id')
      .innerJoin('users as u', 'u.id', 'm.user_id')
      .where('m.conversation_id', '=', conversationId)
      .where('m.user_id', '=', userId)
      .select(['h.member_version as memberVersion', 'm.role', 'c.kind'])
      .select(['c.post_policy as postPolicy', 'c.invite_policy as invitePolicy'])
      .select(['c.info_policy as infoPolicy', 'c.message_ttl as messageTtl', 'u.status'])
      .select(
        sql<boolean>`exists (
        select 1 from direct_pairs p
        left join blocks b on b.blocker_id in (p.low, p.high) and b.blocked_id = m.user_id
        join users d on d.id in (p.low, p.high)
        where p.conversation_id = m.conversation_id
          and (b.blocked_id is not null or d.status = 'deleted'))`.as('isBlocked'),
      )
    const [row] = await run(this.#pool, 'access', access)
    if (!row) return null
    const { status, ...standing } = row
    if (status !== 'active') throw new DomainError('forbidden', `This account is ${status}.`)
    return standing
  }

  async #findThese(asked: readonly Viewed[]): Promise<(ConversationView | null)[]> {
    const rows = await run(this.#pool, 'conversation-find', viewsOfThese(asked))
    const views = new Map(rows.map((row) => [`${row.id} ${row.viewerId}`, viewOf(row)]))
    return asked.map(({ id, viewerId }) => views.get(`${id} ${viewerId}`) ?? null)
  }
}

const MEMBER = [
  'm.user_id as userId',
  'm.role',
  'm.joined_at as joinedAt',
  'm.delivered_seq as deliveredSeq',
  'm.read_seq as readSeq',
] as const

function memberOf({ joinedAt, ...row }: Omit<MemberView, 'joinedAt'> & { joinedAt: Date }): MemberView {
  return { ...row, joinedAt: joinedAt.toISOString() }
}

function membership(id: ConversationId, userId: UserId) {
  return db
    .selectFrom('conversation_members as v')
    .where('v.conversation_id', '=', id)
    .where('v.user_id', '=', userId)
    .select('v.role')
}

/** All of them, by joining, when the viewer is one. */
function membersOf(id: ConversationId, viewerId: UserId) {
  return db
    .selectFrom('conversation_members as m')
    .where('m.conversation_id', '=', id)
    .where(({ exists }) => exists(membership(id, viewerId)))
    .select(MEMBER)
    .orderBy('m.joined_at')
    .orderBy('m.user_id')
}
