import { createHash, randomBytes } from 'node:crypto'
import type { UserId } from '../../domain/ids.ts'
import type { MailLedger } from '../../notifier/courier/ports.ts'
import type { UnsubscribeTokens } from '../../notifier/digest/ports.ts'
import type { UnsubscribeDirectory } from '../../service/notification/ports.ts'
import { MAILS_PER_DAY } from './email-limits.ts'
import type { Sql } from './sql.ts'

const ADMIT = `
  insert into email_recipients as r (user_id, day, mails)
  values ($1, ($2::timestamptz at time zone 'UTC')::date, 1)
  on conflict (user_id) do update set day = excluded.day,
    mails = case when r.day = excluded.day then r.mails + 1 else 1 end
  where r.day is distinct from excluded.day or r.mails < ${MAILS_PER_DAY}
  returning 1`

/** Of refusals in a row only those of one address count together. */
export const REFUSED_UPSERT = `
  insert into email_recipients as r (user_id, refusals, refused_hash, refused_at) values ($1, 1, $2, $3)
  on conflict (user_id) do update set refused_hash = excluded.refused_hash, refused_at = excluded.refused_at,
    refusals = case when r.refused_hash = excluded.refused_hash then r.refusals + 1 else 1 end`

const TOKEN = `
  insert into email_recipients as r (user_id, unsubscribe_token) values ($1, $2)
  on conflict (user_id) do update set unsubscribe_token = coalesce(r.unsubscribe_token, excluded.unsubscribe_token)
  returning unsubscribe_token as token`

const OWNER = `
  select r.user_id as "userId" from email_recipients r join users u on u.id = r.user_id
  where r.unsubscribe_token = $1 and u.status <> 'deleted'`

/** What is known of those who get mail. */
export class PostgresMailRecipients implements MailLedger, UnsubscribeTokens, UnsubscribeDirectory {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async admit(userId: UserId, nowMs: number): Promise<boolean> {
    return (await this.#sql.query(ADMIT, [userId, new Date(nowMs)])).length > 0
  }

  async refused(userId: UserId, address: string, nowMs: number): Promise<void> {
    await this.#sql.query(REFUSED_UPSERT, refusalOf(userId, address, nowMs))
  }

  async tokenFor(userId: UserId): Promise<string> {
    const fresh = randomBytes(24).toString('base64url')
    const [row] = await this.#sql.query<{ token: string }>(TOKEN, [userId, fresh])
    return row?.token ?? fresh
  }

  async ownerOf(token: string): Promise<UserId | null> {
    const [row] = await this.#sql.query<{ userId: UserId }>(OWNER, [token])
    return row?.userId ?? null
  }
}

/** The parameters of REFUSED_UPSERT. */
export function refusalOf(userId: UserId, address: string, nowMs: number): unknown[] {
  return [userId, hashOf(address), new Date(nowMs)]
}

export function hashOf(address: string): Buffer {
  return createHash('sha256').update(address.toLowerCase()).digest()
}
