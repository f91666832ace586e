import type { UserId } from '../../domain/ids.ts'
import type { SecondFactorRepository, StoredFactor } from '../../service/auth/ports.ts'
import type { Sql } from './sql.ts'

/** SecondFactorRepository on PostgreSQL. */
export class PostgresSecondFactors implements SecondFactorRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async find(userId: UserId): Promise<StoredFactor | null> {
    const [row] = await this.#sql.query<{ totp_sealed: Buffer; enabled: boolean }>(
      `select totp_sealed, totp_enabled_at is not null enabled from credentials
       where user_id = $1 and totp_sealed is not null`,
      [userId],
    )
    return row ? { secretSealed: row.totp_sealed, enabled: row.enabled } : null
  }

  propose(userId: UserId, secretSealed: Buffer): Promise<boolean> {
    return this.#changed(
      `update credentials set totp_sealed = $2, totp_last_step = null
       where user_id = $1 and totp_enabled_at is null returning user_id`,
      [userId, secretSealed],
    )
  }

  enable(userId: UserId, step: number, recoveryHashes: readonly Buffer[], at: Date): Promise<boolean> {
    return this.#sql.transaction(async (sql) => {
      const rows = await sql.query(
        `update credentials set totp_enabled_at = $2, totp_last_step = $3
         where user_id = $1 and totp_enabled_at is null and totp_sealed is not null returning user_id`,
        [userId, at, step],
      )
      if (rows.length === 0) return false
      await sql.query('delete from recovery_codes where user_id = $1', [userId])
      await sql.query('insert into recovery_codes (user_id, code_hash) select $1, unnest($2::bytea[])', [
        userId,
        recoveryHashes,
      ])
      return true
    })
  }

  takeStep(userId: UserId, step: number): Promise<boolean> {
    return this.#changed(
      `update credentials set totp_last_step = $2
       where user_id = $1 and totp_last_step < $2 returning user_id`,
      [userId, step],
    )
  }

  takeRecovery(userId: UserId, codeHash: Buffer, at: Date): Promise<boolean> {
    return this.#changed(
      `update recovery_codes set used_at = $3
       where user_id = $1 and code_hash = $2 and used_at is null returning user_id`,
      [userId, codeHash, at],
    )
  }

  async disable(userId: UserId): Promise<void> {
    await this.#sql.transaction(async (sql) => {
      await sql.query(
        `update credentials set totp_sealed = null, totp_enabled_at = null, totp_last_step = null
         where user_id = $1`,
        [userId],
      )
      await sql.query('delete from recovery_codes where user_id = $1', [userId])
    })
  }

  async #changed(text: string, values: readonly unknown[]): Promise<boolean> {
    return (await this.#sql.query(text, values)).length > 0
  }
}
