import { DomainError } from '../../domain/errors.ts'
import { DELETED_DISPLAY_NAME } from '../../domain/identity.ts'
import type { UserId } from '../../domain/ids.ts'
import type { OwnUser, User } from '../../domain/user.ts'
import type { ProfileChange, UserRepository, UserSearch } from '../../service/user/ports.ts'
import { prefixBounds } from './filter.ts'
import { type Queryable, violatedUnique } from './sql.ts'

export interface UserRow {
  id: UserId
  username: string
  display_name: string
  avatar_url: string | null
  public_id: string
  status: 'active' | 'suspended' | 'deleted'
  last_seen_at: Date | null
  hide_last_seen: boolean
  created_at: Date
}

export interface OwnRow extends UserRow {
  role: OwnUser['role']
  email: string | null
  email_verified: boolean | null
  phone: string | null
  phone_verified: boolean | null
  totp_enabled: boolean
}

export const USER_COLUMNS = `u.id, u.username, u.display_name, u.avatar_url, u.public_id, u.status, u.last_seen_at,
  u.hide_last_seen, u.created_at`

/** Everything of a user; the caller adds which. */
export const OWN_FROM = `
  select ${USER_COLUMNS}, u.role, e.value email, e.verified_at is not null email_verified, p.value phone,
    p.verified_at is not null phone_verified, coalesce(c.totp_enabled_at is not null, false) totp_enabled
  from users u
  left join identities e on e.user_id = u.id and e.kind = 'email'
  left join identities p on p.user_id = u.id and p.kind = 'phone'
  left join credentials c on c.user_id = u.id`

const OWN = `${OWN_FROM} where u.id = $1 and u.status <> 'deleted'`

// Four index look-ups, never a scan: "or" over the tables would be one.
const SEARCH = `
  with found as (
    (select id from users where status = 'active' and username_key collate "C" >= $1
       and username_key collate "C" < $2 and username_key collate "C" > $6
     order by username_key collate "C" limit $7)
    union select user_id from identities where kind = 'email' and value_key = $3
    union select user_id from identities where kind = 'phone' and value_key = $4
    union select id from users where public_id = $5)
  select ${USER_COLUMNS} from users u join found using (id)
  where u.status = 'active' and u.username_key collate "C" > $6
  order by u.username_key collate "C" limit $7`

/** UserRepository on PostgreSQL. */
export class PostgresUsers implements UserRepository {
  readonly #sql: Queryable

  constructor(sql: Queryable) {
    this.#sql = sql
  }

  async byIds(ids: readonly UserId[]): Promise<User[]> {
    if (ids.length === 0) return []
    const rows = await this.#sql.query<UserRow>(`select ${USER_COLUMNS} from users u where u.id = any($1)`, [
      ids,
    ])
    return rows.map(userOf)
  }

  async own(id: UserId): Promise<OwnUser | null> {
    const [row] = await this.#sql.query<OwnRow>(OWN, [id])
    return row ? ownUserOf(row) : null
  }

  async search({ usernamePrefix, email, phone, publicId, after, limit }: UserSearch): Promise<User[]> {
    const [from, to] = usernamePrefix ? prefixBounds(usernamePrefix) : [null, null]
    const values = [from, to, email, phone, publicId, after ?? '', limit]
    const rows = await this.#sql.query<UserRow>(SEARCH, values)
    return rows.map(userOf)
  }

  async change(id: UserId, { username, displayName, avatarUrl, hideLastSeen }: ProfileChange): Promise<void> {
    try {
      await this.#sql.query(
        `update users set username = coalesce($2, username), display_name = coalesce($3, display_name),
           avatar_url = case when $4 then $5 else avatar_url end,
           hide_last_seen = coalesce($6, hide_last_seen)
         where id = $1 and status <> 'deleted'`,
        [id, username, displayName, avatarUrl !== undefined, avatarUrl ?? null, hideLastSeen],
      )
    } catch (error) {
      if (!violatedUnique(error)) throw error
      throw new DomainError('conflict', 'This username is taken.', {
        errors: [{ path: 'username', message: 'is taken' }],
      })
    }
  }

  async setPublicId(id: UserId, publicId: string): Promise<void> {
    try {
      await this.#sql.query(`update users set public_id = $2 where id = $1 and status <> 'deleted'`, [
        id,
        publicId,
      ])
    } catch (error) {
      if (violatedUnique(error)) throw new DomainError('conflict', 'Try again.')
      throw error
    }
  }
}

export function userOf(row: UserRow): User {
  const deleted = row.status === 'deleted'
  return {
    id: row.id,
    username: row.username,
    displayName: deleted ? DELETED_DISPLAY_NAME : row.display_name,
    avatarUrl: deleted ? null : row.avatar_url,
    publicId: row.public_id,
    lastSeenAt: deleted || row.hide_last_seen ? null : (row.last_seen_at?.toISOString() ?? null),
    createdAt: row.created_at.toISOString(),
  }
}

export function ownUserOf(row: OwnRow): OwnUser {
  return {
    ...userOf(row),
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
    email: row.email,
    phone: row.phone,
    emailVerified: row.email_verified ?? false,
    phoneVerified: row.phone_verified ?? false,
    totpEnabled: row.totp_enabled,
    role: row.role,
  }
}
