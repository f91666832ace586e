import type { UserId } from '../../domain/ids.ts'
import type { AdminChange, AdminRepository, AdminUser, AdminUserQuery } from '../../service/admin/ports.ts'
import { Filter, prefixBounds } from './filter.ts'
import type { Queryable } from './sql.ts'
import { OWN_FROM, type OwnRow, ownUserOf } from './user.ts'

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

  async change(id: UserId, { status, role }: AdminChange): Promise<void> {
    await this.#sql.query(
      `update users set status = coalesce($2, status), role = coalesce($3, role)
       where id = $1 and status <> 'deleted'`,
      [id, status, role],
    )
  }
}

function adminUserOf(row: OwnRow): AdminUser {
  return { ...ownUserOf(row), status: row.status }
}
