import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { UserId } from '../../domain/ids.ts'
import type { DeviceId, Platform, PushToken } from '../../domain/push.ts'
import type { Device, DeviceReader } from '../../notifier/ports.ts'
import type { PushRegistration, PushTokenStore } from '../../service/notification/ports.ts'
import { query } from './query.ts'

const REGISTER = {
  name: 'push_token_register',
  text: `
    insert into push_tokens as t
      (id, user_id, session_id, platform, device_name, token, token_hash, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
    on conflict (token_hash) do update set
      id = case when t.user_id = excluded.user_id then t.id else excluded.id end,
      created_at = case when t.user_id = excluded.user_id then t.created_at else excluded.created_at end,
      user_id = excluded.user_id, session_id = excluded.session_id, platform = excluded.platform,
      device_name = excluded.device_name, updated_at = excluded.updated_at
    returning id, platform, device_name, created_at`,
}

const KEEP_NEWEST = {
  name: 'push_token_keep_newest',
  text: `
    delete from push_tokens where id in (
      select id from push_tokens where user_id = $1 order by updated_at desc, id desc offset $2)`,
}

const LIST = {
  name: 'push_token_list',
  text: `
    select id, platform, device_name, created_at from push_tokens
    where user_id = $1 order by updated_at desc, id desc`,
}

const REMOVE = {
  name: 'push_token_remove',
  text: 'delete from push_tokens where user_id = $1 and id = $2 returning id',
}

// Signing out ends a device's pushes, whoever forgot to remove its token.
const devicesWhere = (condition: string) => `
  select t.id, t.user_id, t.platform, t.token, t.updated_at
  from push_tokens t left join sessions s on s.id = t.session_id
  where ${condition} and (t.session_id is null or (s.id is not null and s.ended_at is null))
  order by t.user_id, t.id`

const OF_USERS = { name: 'push_token_of_users', text: devicesWhere('t.user_id = any ($1::uuid[])') }
const BY_IDS = { name: 'push_token_by_ids', text: devicesWhere('t.id = any ($1::uuid[])') }

const FORGET = {
  name: 'push_token_forget',
  text: `
    delete from push_tokens t using unnest($1::uuid[], $2::timestamptz[]) as i (id, updated_at)
    where t.id = i.id and t.updated_at = i.updated_at`,
}

interface TokenRow {
  id: DeviceId
  platform: Platform
  device_name: string | null
  created_at: Date
}

interface DeviceRow {
  id: DeviceId
  user_id: UserId
  platform: Platform
  token: string
  updated_at: Date
}

export class PostgresPushTokens implements PushTokenStore, DeviceReader {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async register(registration: PushRegistration, keep: number): Promise<PushToken> {
    const { id, userId, sessionId, platform, deviceName, token, nowMs } = registration
    const hash = createHash('sha256').update(token).digest()
    const values = [id, userId, sessionId, platform, deviceName, token, hash, new Date(nowMs)]
    const [row] = await query<TokenRow>(this.#pool, REGISTER, values)
    if (!row) throw new Error('an upsert returned no row')
    await query(this.#pool, KEEP_NEWEST, [userId, keep])
    return pushToken(row)
  }

  async list(userId: UserId): Promise<PushToken[]> {
    return (await query<TokenRow>(this.#pool, LIST, [userId])).map(pushToken)
  }

  async remove(userId: UserId, id: DeviceId): Promise<boolean> {
    return (await query(this.#pool, REMOVE, [userId, id])).length > 0
  }

  async ofUsers(userIds: readonly UserId[]): Promise<Device[]> {
    if (userIds.length === 0) return []
    return (await query<DeviceRow>(this.#pool, OF_USERS, [userIds])).map(device)
  }

  async byIds(deviceIds: readonly DeviceId[]): Promise<Device[]> {
    if (deviceIds.length === 0) return []
    return (await query<DeviceRow>(this.#pool, BY_IDS, [deviceIds])).map(device)
  }

  async forget(devices: readonly Device[]): Promise<void> {
    if (devices.length === 0) return
    await query(this.#pool, FORGET, [
      devices.map(({ id }) => id),
      devices.map(({ updatedAtMs }) => new Date(updatedAtMs)),
    ])
  }
}

function pushToken(row: TokenRow): PushToken {
  return {
    id: row.id,
    platform: row.platform,
    deviceName: row.device_name,
    createdAt: row.created_at.toISOString(),
  }
}

function device(row: DeviceRow): Device {
  return {
    id: row.id,
    userId: row.user_id,
    platform: row.platform,
    token: row.token,
    updatedAtMs: row.updated_at.getTime(),
  }
}
