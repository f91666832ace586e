import type { UserId } from '../../domain/ids.ts'
import type { AdminChange, AdminRepository, AdminUser, AdminUserQuery } from '../../service/admin/ports.ts'
import type { Queryable } from './sql.ts'
import { OWN_FROM, type OwnRow, ownUserOf } from './user.ts'

const LIST = `
  ${OWN_FROM}
  where ($1::text is null or u.username_key like $1) and ($2::text is null or u.status = $2)
    and ($3::text is null or u.role = $3) and ($4::uuid is null or u.id < $4)
  order by u.id desc limit $5`

/** AdminRepository on PostgreSQL. */
export class PostgresAdmin implements AdminRepository {
  readonly #sql: Queryable

  constructor(sql: Queryable) {
    this.#sql = sql
  }

  async list({ usernamePrefix, status, role, before, limit }: AdminUserQuery): Promise<AdminUser[]> {
    const pattern = usernamePrefix === null ? null : `${usernamePrefix.replaceAll(/[\\%_]/g, '\\$&')}%`
    const rows = await this.#sql.query<OwnRow>(LIST, [pattern, status, role, before, limit])
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
