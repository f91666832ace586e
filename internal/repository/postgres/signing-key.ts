import type { PublicJwk, SigningKeyRepository, StoredKey } from '../../service/auth/ports.ts'
import type { Queryable, Sql } from './sql.ts'

interface KeyRow {
  kid: string
  algorithm: 'EdDSA'
  public_jwk: PublicJwk
  private_sealed: Buffer
  created_at: Date
  retired_at: Date | null
}

/** SigningKeyRepository on PostgreSQL: a partial unique index allows one active key. */
export class PostgresSigningKeys implements SigningKeyRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async list(retiredAfter: Date): Promise<StoredKey[]> {
    const rows = await this.#sql.query<KeyRow>(
      `select * from signing_keys where retired_at is null or retired_at > $1 order by created_at desc`,
      [retiredAfter],
    )
    return rows.map((row) => ({
      kid: row.kid,
      algorithm: row.algorithm,
      publicJwk: row.public_jwk,
      privateSealed: row.private_sealed,
      createdAt: row.created_at,
      retiredAt: row.retired_at,
    }))
  }

  async createFirst(key: StoredKey): Promise<void> {
    await insert(this.#sql, key)
  }

  async rotate(key: StoredKey): Promise<void> {
    await this.#sql.transaction(async (sql) => {
      await sql.query(`update signing_keys set retired_at = $1 where retired_at is null`, [key.createdAt])
      await insert(sql, key)
    })
  }
}

async function insert(sql: Queryable, key: StoredKey): Promise<void> {
  await sql.query(
    `insert into signing_keys (kid, algorithm, public_jwk, private_sealed, created_at)
     values ($1, $2, $3, $4, $5) on conflict ((retired_at is null)) where retired_at is null do nothing`,
    [key.kid, key.algorithm, JSON.stringify(key.publicJwk), key.privateSealed, key.createdAt],
  )
}
