import { sql } from 'kysely'
import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Names, Recipient, RecipientQuery, RecipientReader } from '../../notifier/ports.ts'
import { db, rowsOf, run } from './statement.ts'

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** A place in the caller's list, and the conversation and user asked about. */
interface Asked {
  place: number
  conversationId: ConversationId
  userId: string
}

export class PostgresRecipientReader implements RecipientReader {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async recipients(queries: readonly RecipientQuery[], limit: number): Promise<Recipient[][]> {
    const result: Recipient[][] = queries.map(() => [])
    const pages = [...queries.entries()].flatMap(([place, { conversationId, scope }]) =>
      scope.kind === 'members' ? [{ place, conversationId, userId: scope.after ?? BEFORE_ALL }] : [],
    )
    const users = [...queries.entries()].flatMap(([place, { conversationId, scope }]) =>
      scope.kind === 'users'
        ? scope.userIds.slice(0, limit).map((userId) => ({ place, conversationId, userId }))
        : [],
    )
    if (pages.length > 0) {
      const rows = await run(this.#pool, 'notification_recipients_by_page', pagesOf(pages, limit))
      for (const row of rows) add(result, row)
    }
    if (users.length > 0) {
      const rows = await run(this.#pool, 'notification_recipients_by_user', membersOf(users))
      for (const row of rows) add(result, row)
    }
    return result
  }

  async names(
    pairs: readonly { conversationId: ConversationId; senderId: UserId }[],
  ): Promise<(Names | null)[]> {
    const result: (Names | null)[] = pairs.map(() => null)
    if (pairs.length === 0) return result
    const asked = pairs.map(({ conversationId, senderId }, place) => ({
      place,
      conversationId,
      userId: senderId,
    }))
    const names = db
      .selectFrom(askedRows(asked))
      .innerJoin('conversations as c', 'c.id', 'asked.conversation_id')
      .innerJoin('users as u', 'u.id', 'asked.user_id')
      .select(['asked.place', 'c.kind', 'c.name as conversation', 'u.display_name as sender'])
    for (const { place, ...row } of await run(this.#pool, 'notification_names', names)) result[place] = row
    return result
  }

  async unread(userIds: readonly UserId[]): Promise<Map<UserId, number>> {
    if (userIds.length === 0) return new Map()
    const unread = db
      .selectFrom('conversation_members as m')
      .innerJoin('heads as h', 'h.conversation_id', 'm.conversation_id')
      .where((eb) => eb('m.user_id', '=', eb.fn.any(eb.val(userIds))))
      .select('m.user_id as userId')
      .select(sql<number>`sum(greatest(h.ordinal - m.read_ordinal, 0))::bigint`.as('unread'))
      .groupBy('m.user_id')
    const rows = await run(this.#pool, 'notification_unread', unread)
    return new Map(rows.map((row) => [row.userId, row.unread]))
  }
}

const SHOWN = [
  'asked.place',
  'm.user_id as userId',
  'u.status',
  'm.joined_seq as joinedSeq',
  'm.read_seq as readSeq',
  'm.muted_until as mutedUntil',
  'm.notify',
] as const

/** Of each conversation the next `limit` members after the user. */
function pagesOf(asked: readonly Asked[], limit: number) {
  return db
    .selectFrom(askedRows(asked))
    .crossJoinLateral((eb) =>
      eb
        .selectFrom('conversation_members as member')
        .selectAll()
        .whereRef('member.conversation_id', '=', 'asked.conversation_id')
        .whereRef('member.user_id', '>', 'asked.user_id')
        .orderBy('member.user_id')
        .limit(limit)
        .as('m'),
    )
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select(SHOWN)
    .orderBy('asked.place')
    .orderBy('m.user_id')
}

/** The users themselves, where they are members. */
function membersOf(asked: readonly Asked[]) {
  return db
    .selectFrom(askedRows(asked))
    .innerJoin('conversation_members as m', (join) =>
      join.onRef('m.conversation_id', '=', 'asked.conversation_id').onRef('m.user_id', '=', 'asked.user_id'),
    )
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select(SHOWN)
    .orderBy('asked.place')
    .orderBy('m.user_id')
}

function askedRows(asked: readonly Asked[]) {
  type Row = { place: number; conversation_id: ConversationId; user_id: UserId }
  return rowsOf<Row, 'asked'>('asked', {
    place: ['integer', asked.map(({ place }) => place)],
    conversation_id: ['uuid', asked.map(({ conversationId }) => conversationId)],
    user_id: ['uuid', asked.map(({ userId }) => userId)],
  })
}

type Row = Omit<Recipient, 'mutedUntilMs'> & { place: number; mutedUntil: Date | null }

function add(result: Recipient[][], { place, mutedUntil, ...row }: Row): void {
  result[place]?.push({ ...row, mutedUntilMs: mutedUntil?.getTime() ?? null })
}
