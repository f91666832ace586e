import type { ConversationId } from '../../domain/ids.ts'
import type { InvitePreview, InviteRepository, StoredInvite } from '../../service/conversation/ports.ts'
import type { Sql } from './sql.ts'

/** Ended invites that are kept, so that whoever comes by one is told why it does not work. */
const ENDED_MAX = 100
const LIST_MAX = 200

const INVITE = `
  i.code, i.created_by "createdBy", i.expires_at "expiresAt", i.max_uses "maxUses", i.uses`

const IS_LIVE = '(i.expires_at is null or i.expires_at > $2) and (i.max_uses is null or i.uses < i.max_uses)'

const LIST = `
  select ${INVITE} from invites i where i.conversation_id = $1
  order by i.created_at desc, i.code desc limit ${LIST_MAX}`

const FIND = `
  select ${INVITE}, i.conversation_id "conversationId", c.name, c.description, c.avatar_url "avatarUrl",
    c.member_count "memberCount"
  from invites i join conversations c on c.id = i.conversation_id
  where i.code = $1`

// Of two who make one at once the second counts the first one's; members who come and go are not held up.
const LOCK = 'select 1 from conversations where id = $1 for no key update'

const COUNT_LIVE = `select count(*) live from invites i where i.conversation_id = $1 and ${IS_LIVE}`

const INSERT = `
  insert into invites (code, conversation_id, created_by, created_at, expires_at, max_uses)
  values ($1, $2, $3, $4, $5, $6)`

const FORGET_ENDED = `
  delete from invites where code in (
    select i.code from invites i where i.conversation_id = $1 and not (${IS_LIVE})
    order by i.created_at desc, i.code desc offset ${ENDED_MAX})`

/** InviteRepository on PostgreSQL. */
export class PostgresInvites implements InviteRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  list(id: ConversationId): Promise<StoredInvite[]> {
    return this.#sql.query<StoredInvite>(LIST, [id])
  }

  create(id: ConversationId, invite: StoredInvite, liveMax: number, now: Date) {
    return this.#sql.transaction(async (sql) => {
      const [conversation] = await sql.query(LOCK, [id])
      if (!conversation) return 'gone'
      const [counted] = await sql.query<{ live: number }>(COUNT_LIVE, [id, now])
      if (counted && counted.live >= liveMax) return 'full'
      const { code, createdBy, expiresAt, maxUses } = invite
      await sql.query(INSERT, [code, id, createdBy, now, expiresAt, maxUses])
      await sql.query(FORGET_ENDED, [id, now])
      return 'created'
    })
  }

  async find(code: string): Promise<InvitePreview | null> {
    interface Row extends StoredInvite, Omit<InvitePreview, 'invite'> {}
    const [row] = await this.#sql.query<Row>(FIND, [code])
    if (!row) return null
    const { conversationId, name, description, avatarUrl, memberCount, ...invite } = row
    return { conversationId, name, description, avatarUrl, memberCount, invite }
  }

  async remove(id: ConversationId, code: string): Promise<void> {
    await this.#sql.query('delete from invites where conversation_id = $1 and code = $2', [id, code])
  }
}
