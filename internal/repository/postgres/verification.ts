import type { Identity, IdentityKind } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'
import type {
  CodePurpose,
  CodeRepository,
  OwnedIdentity,
  StoredCode,
} from '../../service/verification/ports.ts'
import type { Queryable } from './sql.ts'

const STORE = `
  with gone as (delete from one_time_codes where (kind, value_key, purpose) in (
    select kind, value_key, purpose from one_time_codes where expires_at < $7
      and (kind, value_key, purpose) <> ($1, $2, $3) order by expires_at limit 20
    for update skip locked))
  insert into one_time_codes (kind, value_key, purpose, user_id, code_hash, tries_left, created_at, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (kind, value_key, purpose) do update set user_id = excluded.user_id,
    code_hash = excluded.code_hash, tries_left = excluded.tries_left, created_at = excluded.created_at,
    expires_at = excluded.expires_at`

/** CodeRepository on PostgreSQL: row locks make tries count and codes work once. */
export class PostgresCodes implements CodeRepository {
  readonly #sql: Queryable

  constructor(sql: Queryable) {
    this.#sql = sql
  }

  async owner({ kind, key }: Identity): Promise<OwnedIdentity | null> {
    const [row] = await this.#sql.query<{ user_id: UserId; value: string; verified: boolean }>(
      `select i.user_id, i.value, i.verified_at is not null verified from identities i
       join users u on u.id = i.user_id
       where i.kind = $1 and i.value_key = $2 and u.status = 'active'`,
      [kind, key],
    )
    return row ? { kind, key, value: row.value, userId: row.user_id, verified: row.verified } : null
  }

  async store({ identity, purpose, userId, codeHash, tries, at, expiresAt }: StoredCode): Promise<void> {
    const values = [identity.kind, identity.key, purpose, userId, codeHash, tries, at, expiresAt]
    await this.#sql.query(STORE, values)
  }

  async attempt({ kind, key }: Identity, purpose: CodePurpose, now: Date) {
    const [row] = await this.#sql.query<{ code_hash: Buffer; user_id: UserId | null }>(
      `update one_time_codes set tries_left = tries_left - 1
       where kind = $1 and value_key = $2 and purpose = $3 and tries_left > 0 and expires_at > $4
       returning code_hash, user_id`,
      [kind, key, purpose, now],
    )
    return row ? { codeHash: row.code_hash, userId: row.user_id } : null
  }

  async redeem({ kind, key }: Identity, purpose: CodePurpose, codeHash: Buffer): Promise<boolean> {
    const rows = await this.#sql.query(
      `delete from one_time_codes where kind = $1 and value_key = $2 and purpose = $3 and code_hash = $4
       returning kind`,
      [kind, key, purpose, codeHash],
    )
    return rows.length > 0
  }

  async verified(userId: UserId): Promise<Identity[]> {
    return this.#sql.query<Identity>(
      `select kind, value, value_key key from identities where user_id = $1 and verified_at is not null`,
      [userId],
    )
  }

  async markVerified(userId: UserId, kind: IdentityKind, at: Date): Promise<void> {
    await this.#sql.query(
      'update identities set verified_at = $3 where user_id = $1 and kind = $2 and verified_at is null',
      [userId, kind, at],
    )
  }
}
