import type { UserId } from '../../domain/ids.ts'
import type { Scope } from '../../domain/user.ts'
import type { BearerState, PersonalToken, PersonalTokenRepository } from '../../service/token/ports.ts'
import type { Sql } from './sql.ts'

interface TokenRow {
  id: string
  name: string
  scopes: Scope[]
  created_at: Date
  last_used_at: Date | null
  expires_at: Date | null
}

interface BearerRow extends TokenRow {
  user_id: UserId
  role: BearerState['role']
  status: BearerState['status']
  revoked: boolean
}

const COLUMNS = 't.id, t.name, t.scopes, t.created_at, t.last_used_at, t.expires_at'

/** PersonalTokenRepository on PostgreSQL. */
export class PostgresPersonalTokens implements PersonalTokenRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  create(userId: UserId, token: PersonalToken, hash: Buffer, max: number): Promise<boolean> {
    return this.#sql.transaction(async (sql) => {
      // The user's row makes parallel calls count one after another.
      await sql.query('select 1 from users where id = $1 for update', [userId])
      const rows = await sql.query(
        `insert into personal_tokens (id, user_id, name, token_hash, scopes, created_at, expires_at)
         select $1, $2, $3, $4, $5, $6, $7
         where (select count(*) from personal_tokens where user_id = $2 and revoked_at is null
           and (expires_at is null or expires_at > $6)) < $8
         returning id`,
        [token.id, userId, token.name, hash, token.scopes, token.createdAt, token.expiresAt, max],
      )
      return rows.length > 0
    })
  }

  async list(userId: UserId, now: Date): Promise<PersonalToken[]> {
    const rows = await this.#sql.query<TokenRow>(
      `select ${COLUMNS} from personal_tokens t
       where t.user_id = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)
       order by t.created_at desc, t.id desc limit 100`,
      [userId, now],
    )
    return rows.map(tokenOf)
  }

  async revoke(userId: UserId, id: string, at: Date): Promise<boolean> {
    const rows = await this.#sql.query(
      `update personal_tokens set revoked_at = $3
       where id = $2 and user_id = $1 and revoked_at is null returning id`,
      [userId, id, at],
    )
    return rows.length > 0
  }

  async exists(userId: UserId, id: string): Promise<boolean> {
    const rows = await this.#sql.query('select 1 from personal_tokens where id = $2 and user_id = $1', [
      userId,
      id,
    ])
    return rows.length > 0
  }

  async bearer(hash: Buffer): Promise<BearerState | null> {
    const [row] = await this.#sql.query<BearerRow>(
      `select ${COLUMNS}, t.user_id, u.role, u.status, t.revoked_at is not null revoked
       from personal_tokens t join users u on u.id = t.user_id where t.token_hash = $1`,
      [hash],
    )
    if (!row) return null
    const { user_id: userId, role, status, revoked } = row
    return { ...tokenOf(row), userId, role, status, revoked }
  }

  async touch(id: string, at: Date): Promise<void> {
    await this.#sql.query('update personal_tokens set last_used_at = $2 where id = $1', [id, at])
  }
}

function tokenOf(row: TokenRow): PersonalToken {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  }
}
