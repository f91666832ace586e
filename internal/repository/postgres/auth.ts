import { DomainError } from '../../domain/errors.ts'
import { type Identifier, type Identity, usernameKey } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'
import type { Account, AccountRepository, NewAccount } from '../../service/auth/ports.ts'
import { type Queryable, type Sql, violatedUnique } from './sql.ts'

interface AccountRow {
  user_id: UserId
  status: Account['status']
  password_hash: string
}

const ACCOUNT = `
  select u.id user_id, u.status, c.password_hash from users u join credentials c on c.user_id = u.id`

const TAKEN = `
  select 'username' field where exists (select from users where username_key = $1)
  union all select i.kind from identities i
  join unnest($2::text[], $3::text[]) as asked (kind, key) on i.kind = asked.kind and i.value_key = asked.key`

/** AccountRepository on PostgreSQL: unique constraints decide who was first. */
export class PostgresAccounts implements AccountRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async taken(
    username: string,
    identities: readonly Identity[],
  ): Promise<('username' | 'email' | 'phone')[]> {
    const rows = await this.#sql.query<{ field: 'username' | 'email' | 'phone' }>(TAKEN, [
      usernameKey(username),
      identities.map(({ kind }) => kind),
      identities.map(({ key }) => key),
    ])
    return rows.map(({ field }) => field)
  }

  async create(account: NewAccount): Promise<void> {
    try {
      await this.#sql.transaction((sql) => insertAccount(sql, account))
    } catch (error) {
      const violated = violatedUnique(error)
      if (!violated) throw error
      throw takenError(fieldOf(violated))
    }
  }

  async find(identifier: Identifier): Promise<Account | null> {
    const [row] =
      identifier.kind === 'username'
        ? await this.#sql.query<AccountRow>(`${ACCOUNT} where u.username_key = $1`, [identifier.key])
        : await this.#sql.query<AccountRow>(
            `${ACCOUNT} join identities i on i.user_id = u.id where i.kind = $1 and i.value_key = $2`,
            [identifier.kind, identifier.key],
          )
    return row ? accountOf(row) : null
  }

  async findById(userId: UserId): Promise<Account | null> {
    const [row] = await this.#sql.query<AccountRow>(`${ACCOUNT} where u.id = $1`, [userId])
    return row ? accountOf(row) : null
  }

  async replaceHash(userId: UserId, from: string, to: string, at: Date): Promise<boolean> {
    const rows = await this.#sql.query(
      `update credentials set password_hash = $3, changed_at = $4
       where user_id = $1 and password_hash = $2 returning user_id`,
      [userId, from, to, at],
    )
    return rows.length > 0
  }
}

async function insertAccount(sql: Queryable, account: NewAccount): Promise<void> {
  const { id, at, identities } = account
  await sql.query(
    `insert into users (id, username, display_name, public_id, created_at) values ($1, $2, $3, $4, $5)`,
    [id, account.username, account.displayName, account.publicId, at],
  )
  await sql.query(
    `insert into identities (user_id, kind, value, value_key, created_at)
     select $1, kind, value, key, $5 from unnest($2::text[], $3::text[], $4::text[]) as i (kind, value, key)`,
    [id, identities.map((i) => i.kind), identities.map((i) => i.value), identities.map((i) => i.key), at],
  )
  await sql.query(`insert into credentials (user_id, password_hash, changed_at) values ($1, $2, $3)`, [
    id,
    account.passwordHash,
    at,
  ])
}

function fieldOf({ constraint, detail }: { constraint: string; detail: string }): string {
  if (constraint === 'users_username_key_key') return 'username'
  return detail.includes('(phone,') ? 'phone' : detail.includes('(email,') ? 'email' : ''
}

function takenError(field: string): DomainError {
  return new DomainError('conflict', `This ${field || 'account'} is taken.`, {
    errors: [{ path: field, message: 'is taken' }],
  })
}

function accountOf(row: AccountRow): Account {
  return { userId: row.user_id, status: row.status, passwordHash: row.password_hash }
}
