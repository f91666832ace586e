import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { DEFAULT_NOTIFICATION_SETTINGS, type NotifyLevel } from '../../domain/notification.ts'
import type { Names, Recipient, RecipientQuery, RecipientReader } from '../../notifier/ports.ts'
import { type SettingsRow, settingsOf } from './notification-settings.ts'
import { query } from './query.ts'

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** Of `m` (member), `u` (user), `c` (conversation), `s` (settings) and what was asked. */
const SHOWN = `
  asked.place, u.id as "userId", u.status, c.kind, m.joined_seq as "joinedSeq", m.read_seq as "readSeq",
  m.muted_until as "mutedUntil", m.notify,
  exists (select 1 from blocks b where b.blocker_id = u.id and b.blocked_id = asked.actor_id) as "blocksActor",
  exists (select 1 from identities i where i.user_id = u.id and i.kind = 'email'
    and i.verified_at is not null) as "hasEmail",
  exists (select 1 from push_tokens t where t.user_id = u.id) as "hasDevice",
  exists (select 1 from thread_followers t where t.conversation_id = asked.conversation_id
    and t.root_seq = asked.root_seq and t.user_id = u.id) as "followsThread",
  s.push, s.email, s.notify_direct, s.notify_groups, s.threads, s.reactions, s.previews, s.email_delay,
  s.quiet_start, s.quiet_end, s.quiet_zone, s.quiet_days`

const ASKED = `
  from unnest($1::integer[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[])
    asked(place, conversation_id, user_id, actor_id, root_seq)`

/** Of each conversation the next `$6` members after the user. */
const PAGES = {
  name: 'notification_recipients_by_page',
  text: `
    select ${SHOWN} ${ASKED}
    cross join lateral (
      select * from conversation_members member
      where member.conversation_id = asked.conversation_id and member.user_id > asked.user_id
      order by member.user_id limit $6
    ) m
    join users u on u.id = m.user_id
    join conversations c on c.id = m.conversation_id
    left join notification_settings s on s.user_id = u.id
    order by asked.place, u.id`,
}

const USERS = {
  name: 'notification_recipients_by_user',
  text: `
    select ${SHOWN} ${ASKED}
    join users u on u.id = asked.user_id
    left join conversation_members m on m.conversation_id = asked.conversation_id and m.user_id = u.id
    left join conversations c on c.id = m.conversation_id
    left join notification_settings s on s.user_id = u.id
    order by asked.place, u.id`,
}

const NAMES = {
  name: 'notification_names',
  text: `
    select asked.place, c.kind, c.name as conversation, u.display_name as sender
    from unnest($1::integer[], $2::uuid[], $3::uuid[]) asked(place, conversation_id, user_id)
    join conversations c on c.id = asked.conversation_id
    join users u on u.id = asked.user_id`,
}

const UNREAD = {
  name: 'notification_unread',
  text: `
    select m.user_id as "userId", sum(greatest(h.ordinal - m.read_ordinal, 0))::bigint as unread
    from conversation_members m join heads h on h.conversation_id = m.conversation_id
    where m.user_id = any ($1::uuid[])
    group by m.user_id`,
}

/** A place in the caller's list, and a user asked about there. */
interface Asked {
  place: number
  query: RecipientQuery
  userId: string
}

type Row = {
  place: number
  userId: UserId
  status: Recipient['status']
  blocksActor: boolean
  hasEmail: boolean
  hasDevice: boolean
  followsThread: boolean
} & Columns<{ kind: 'direct' | 'group'; joinedSeq: number; readSeq: number; notify: NotifyLevel }> & {
    mutedUntil: Date | null
  } & Columns<SettingsRow>

/** Of a left join: there or all null. */
type Columns<T> = { [Key in keyof T]: T[Key] | null }

export class PostgresRecipientReader implements RecipientReader {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async recipients(queries: readonly RecipientQuery[], limit: number): Promise<Recipient[][]> {
    const pages: Asked[] = []
    const users: Asked[] = []
    // Where people chat, much of what comes together is of the same few conversations.
    const places = placesOf(queries)
    for (const [place, each] of queries.entries()) {
      const { scope } = each
      if (places[place] !== place) continue
      if (scope.kind === 'members') pages.push({ place, query: each, userId: scope.after ?? BEFORE_ALL })
      else users.push(...scope.userIds.slice(0, limit).map((userId) => ({ place, query: each, userId })))
    }
    const [paged, asked] = await Promise.all([
      pages.length > 0 ? query<Row>(this.#pool, PAGES, [...columns(pages), limit]) : [],
      users.length > 0 ? query<Row>(this.#pool, USERS, columns(users)) : [],
    ])
    const result: Recipient[][] = queries.map(() => [])
    for (const row of [...paged, ...asked]) result[row.place]?.push(recipientOf(row))
    return places.map((place) => result[place] ?? [])
  }

  async names(
    pairs: readonly { conversationId: ConversationId; senderId: UserId }[],
  ): Promise<(Names | null)[]> {
    const result: (Names | null)[] = pairs.map(() => null)
    if (pairs.length === 0) return result
    const rows = await query<Names & { place: number }>(this.#pool, NAMES, [
      [...pairs.keys()],
      pairs.map(({ conversationId }) => conversationId),
      pairs.map(({ senderId }) => senderId),
    ])
    for (const { place, ...row } of rows) result[place] = row
    return result
  }

  async unread(userIds: readonly UserId[]): Promise<Map<UserId, number>> {
    if (userIds.length === 0) return new Map()
    const rows = await query<{ userId: UserId; unread: number }>(this.#pool, UNREAD, [userIds])
    return new Map(rows.map((row) => [row.userId, row.unread]))
  }
}

/** For each query the first that asks for the same. */
function placesOf(queries: readonly RecipientQuery[]): number[] {
  const places = new Map<string, number>()
  return queries.map((query, place) => {
    const key = JSON.stringify(query)
    const known = places.get(key) ?? place
    places.set(key, known)
    return known
  })
}

function columns(asked: readonly Asked[]): unknown[] {
  return [
    asked.map(({ place }) => place),
    asked.map(({ query: { conversationId } }) => conversationId),
    asked.map(({ userId }) => userId),
    asked.map(({ query: { actorId } }) => actorId),
    asked.map(({ query: { rootSeq } }) => rootSeq),
  ]
}

function recipientOf(row: Row): Recipient {
  const { userId, status, blocksActor, hasEmail, hasDevice } = row
  const settings = hasSettings(row) ? settingsOf(row) : DEFAULT_NOTIFICATION_SETTINGS
  return { userId, status, blocksActor, hasEmail, hasDevice, settings, membership: membershipOf(row) }
}

function membershipOf(row: Row): Recipient['membership'] {
  const { kind, joinedSeq, readSeq, notify, mutedUntil, followsThread } = row
  if (kind === null || joinedSeq === null || readSeq === null || notify === null) return null
  return { kind, joinedSeq, readSeq, notify, mutedUntilMs: mutedUntil?.getTime() ?? null, followsThread }
}

/** A row of settings has its delay; one that was not there has nothing. */
function hasSettings(row: Row): row is Row & SettingsRow {
  return row.email_delay !== null
}
