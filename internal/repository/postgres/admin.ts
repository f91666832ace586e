import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { AdminChange, AdminRepository, AdminUser, AdminUserQuery } from '../../service/admin/ports.ts'
import { Filter, prefixBounds } from './filter.ts'
import type { Queryable } from './sql.ts'
import { OWN_FROM, type OwnRow, ownUserOf } from './user.ts'

// Locked in order of id, as sends lock them, so that neither can deadlock with the other.
const BUMP = `
  with mine as (
    select conversation_id from conversation_members
    where user_id = $1 and ($2::uuid is null or conversation_id > $2)
    order by conversation_id limit $3),
  locked as (
    select conversation_id from heads where conversation_id in (select conversation_id from mine)
    order by conversation_id for update),
  bumped as (
    update heads h set member_version = member_version + 1 from locked l
    where h.conversation_id = l.conversation_id)
  select conversation_id id from mine order by conversation_id`

/** AdminRepository on PostgreSQL. */
export class PostgresAdmin implements AdminRepository {
  readonly #sql: Queryable

  constructor(sql: Queryable) {
    this.#sql = sql
  }

  async list({ usernamePrefix, status, role, before, limit }: AdminUserQuery): Promise<AdminUser[]> {
    const [from, to] = usernamePrefix === null ? [null, null] : prefixBounds(usernamePrefix)
    const filter = new Filter()
      .where('u.username_key collate "C" >= ?', from)
      .where('u.username_key collate "C" < ?', to)
      .where('u.status = ?', status)
      .where('u.role = ?', role)
      .where('u.id < ?', before)
    const text = `${OWN_FROM} ${filter.sql} order by u.id desc limit ${filter.place(limit)}`
    const rows = await this.#sql.query<OwnRow>(text, filter.values)
    return rows.map(adminUserOf)
  }

  async find(id: UserId): Promise<AdminUser | null> {
    const [row] = await this.#sql.query<OwnRow>(`${OWN_FROM} where u.id = $1`, [id])
    return row ? adminUserOf(row) : null
  }

  async findByUsername(usernameKey: string): Promise<AdminUser | null> {
    const [row] = await this.#sql.query<OwnRow>(`${OWN_FROM} where u.username_key = $1`, [usernameKey])
    return row ? adminUserOf(row) : null
  }

  async change(id: UserId, { status, role }: AdminChange, at: Date): Promise<void> {
    await this.#sql.query(
      `update users set status = coalesce($2, status), role = coalesce($3, role),
         suspended_at = case when $2 = 'active' then null when $2 = 'suspended' then coalesce(suspended_at, $4)
           else suspended_at end
       where id = $1 and status <> 'deleted'`,
      [id, status, role, at],
    )
  }

  async bumpConversations(
    id: UserId,
    after: ConversationId | null,
    limit: number,
  ): Promise<ConversationId | null> {
    const rows = await this.#sql.query<{ id: ConversationId }>(BUMP, [id, after, limit])
    return rows.length < limit ? null : (rows.at(-1)?.id ?? null)
  }
}

function adminUserOf(row: OwnRow): AdminUser {
  return { ...ownUserOf(row), status: row.status }
}
