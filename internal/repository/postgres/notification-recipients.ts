import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Names, Recipient, RecipientQuery, RecipientReader } from '../../notifier/ports.ts'
import { query } from './query.ts'

const COLUMNS = 'm.user_id, u.status, m.joined_seq, m.read_seq, m.muted_until, m.notify'

const BY_PAGE = {
  name: 'notification_recipients_by_page',
  text: `
    select q.place, ${COLUMNS}
    from unnest($1::integer[], $2::uuid[], $3::uuid[]) as q (place, conversation_id, after)
    cross join lateral (
      select * from conversation_members
      where conversation_id = q.conversation_id and user_id > q.after order by user_id limit $4
    ) m
    join users u on u.id = m.user_id
    order by q.place, m.user_id`,
}

const BY_USER = {
  name: 'notification_recipients_by_user',
  text: `
    select q.place, ${COLUMNS}
    from unnest($1::integer[], $2::uuid[], $3::uuid[]) as q (place, conversation_id, user_id)
    join conversation_members m using (conversation_id, user_id)
    join users u on u.id = m.user_id
    order by q.place, m.user_id`,
}

const NAMES = {
  name: 'notification_names',
  text: `
    select q.place, c.kind, c.name, u.display_name
    from unnest($1::uuid[], $2::uuid[]) with ordinality as q (conversation_id, user_id, place)
    join conversations c on c.id = q.conversation_id
    join users u on u.id = q.user_id`,
}

const UNREAD = {
  name: 'notification_unread',
  text: `
    select m.user_id, sum(greatest(h.ordinal - m.read_ordinal, 0))::bigint as unread
    from conversation_members m join heads h using (conversation_id)
    where m.user_id = any ($1::uuid[]) group by m.user_id`,
}

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

interface RecipientRow {
  place: number
  user_id: UserId
  status: Recipient['status']
  joined_seq: number
  read_seq: number
  muted_until: Date | null
  notify: Recipient['notify']
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
    if (pages.length > 0) for (const row of await this.#select(BY_PAGE, pages, limit)) add(result, row)
    if (users.length > 0) for (const row of await this.#select(BY_USER, users)) add(result, row)
    return result
  }

  async names(
    pairs: readonly { conversationId: ConversationId; senderId: UserId }[],
  ): Promise<(Names | null)[]> {
    const result: (Names | null)[] = pairs.map(() => null)
    if (pairs.length === 0) return result
    const rows = await query<{
      place: number
      kind: Names['kind']
      name: string | null
      display_name: string
    }>(this.#pool, NAMES, [
      pairs.map(({ conversationId }) => conversationId),
      pairs.map(({ senderId }) => senderId),
    ])
    for (const { place, kind, name, display_name: sender } of rows) {
      result[place - 1] = { kind, conversation: name, sender }
    }
    return result
  }

  async unread(userIds: readonly UserId[]): Promise<Map<UserId, number>> {
    if (userIds.length === 0) return new Map()
    const rows = await query<{ user_id: UserId; unread: number }>(this.#pool, UNREAD, [userIds])
    return new Map(rows.map((row) => [row.user_id, row.unread]))
  }

  #select(
    statement: { name: string; text: string },
    items: readonly { place: number; conversationId: string; userId: string }[],
    ...more: number[]
  ): Promise<RecipientRow[]> {
    return query<RecipientRow>(this.#pool, statement, [
      items.map(({ place }) => place),
      items.map(({ conversationId }) => conversationId),
      items.map(({ userId }) => userId),
      ...more,
    ])
  }
}

function add(result: Recipient[][], row: RecipientRow): void {
  result[row.place]?.push({
    userId: row.user_id,
    status: row.status,
    joinedSeq: row.joined_seq,
    readSeq: row.read_seq,
    mutedUntilMs: row.muted_until?.getTime() ?? null,
    notify: row.notify,
  })
}
