import { createHash } from 'node:crypto'
import { type Expression, sql } from 'kysely'
import type pg from 'pg'
import type { UserId } from '../../domain/ids.ts'
import type { NotifyLevel } from '../../domain/notification.ts'
import type { DeviceId, DeviceSettings, PushToken } from '../../domain/push.ts'
import type { Device, DeviceReader } from '../../notifier/ports.ts'
import type { PushRegistration, PushTokenStore } from '../../service/notification/ports.ts'
import { db, rowsOf, run } from './statement.ts'
import type { PushTokensTable } from './tables.ts'

const SHOWN = [
  'id',
  'platform',
  'device_name as deviceName',
  'created_at as createdAt',
  'notify',
  'previews',
] as const

export class PostgresPushTokens implements PushTokenStore, DeviceReader {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async register(registration: PushRegistration, keep: number): Promise<PushToken> {
    const [row] = await run(this.#pool, 'push_token_register', upsert(registration))
    if (!row) throw new Error('an upsert returned no row')
    const { userId } = registration
    const beyond = ofUser(userId).select('id').offset(keep)
    await run(this.#pool, 'push_token_keep_newest', db.deleteFrom('push_tokens').where('id', 'in', beyond))
    return pushToken(row)
  }

  async list(userId: UserId): Promise<PushToken[]> {
    return (await run(this.#pool, 'push_token_list', ofUser(userId).select(SHOWN))).map(pushToken)
  }

  async change(
    userId: UserId,
    id: DeviceId,
    { notify = null, previews = null }: { [Key in keyof DeviceSettings]?: DeviceSettings[Key] | null },
  ): Promise<PushToken | null> {
    const changes = db
      .updateTable('push_tokens')
      .set(({ fn, val, ref }) => ({
        notify: fn.coalesce(cast<NotifyLevel>(val(notify), 'text'), ref('notify')),
        previews: fn.coalesce(cast<boolean>(val(previews), 'boolean'), ref('previews')),
      }))
      .where('user_id', '=', userId)
      .where('id', '=', id)
      .returning(SHOWN)
    const [row] = await run(this.#pool, 'push_token_change', changes)
    return row ? pushToken(row) : null
  }

  async remove(userId: UserId, id: DeviceId): Promise<boolean> {
    const removal = db.deleteFrom('push_tokens').where('user_id', '=', userId).where('id', '=', id)
    const removed = await run(this.#pool, 'push_token_remove', removal.returning('id'))
    if (removed.length > 0) return true
    const others = db.selectFrom('push_tokens').where('id', '=', id).select('id')
    return (await run(this.#pool, 'push_token_exists', others)).length === 0
  }

  async ofUsers(userIds: readonly UserId[]): Promise<Device[]> {
    if (userIds.length === 0) return []
    const found = devices().where((eb) => eb('t.user_id', '=', eb.fn.any(eb.val(userIds))))
    return (await run(this.#pool, 'push_token_of_users', found)).map(device)
  }

  async byIds(deviceIds: readonly DeviceId[]): Promise<Device[]> {
    if (deviceIds.length === 0) return []
    const found = devices().where((eb) => eb('t.id', '=', eb.fn.any(eb.val(deviceIds))))
    return (await run(this.#pool, 'push_token_by_ids', found)).map(device)
  }

  async forget(gone: readonly Device[]): Promise<void> {
    if (gone.length === 0) return
    const rows = rowsOf<Pick<PushTokensTable, 'id' | 'updated_at'>, 'gone'>('gone', {
      id: ['uuid', gone.map(({ id }) => id)],
      updated_at: ['timestamptz', gone.map(({ updatedAtMs }) => new Date(updatedAtMs))],
    })
    const removal = db
      .deleteFrom('push_tokens as t')
      .using(rows)
      .whereRef('t.id', '=', 'gone.id')
      .whereRef('t.updated_at', '=', 'gone.updated_at')
    await run(this.#pool, 'push_token_forget', removal)
  }
}

/** A user's tokens, the last refreshed first. */
function ofUser(userId: UserId) {
  return db
    .selectFrom('push_tokens')
    .where('user_id', '=', userId)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
}

// Signing out ends a device's pushes, whoever forgot to remove its token.
function devices() {
  return db
    .selectFrom('push_tokens as t')
    .leftJoin('sessions as s', 's.id', 't.session_id')
    .where((eb) =>
      eb.or([
        eb('t.session_id', 'is', null),
        eb.and([eb('s.id', 'is not', null), eb('s.ended_at', 'is', null)]),
      ]),
    )
    .select(['t.id', 't.user_id as userId', 't.session_id as sessionId', 't.platform', 't.token'])
    .select(['t.notify', 't.previews', 't.device_name as deviceName', 't.updated_at as updatedAt'])
    .orderBy('t.user_id')
    .orderBy('t.id')
}

function upsert({ id, userId, sessionId, platform, deviceName, token, nowMs }: PushRegistration) {
  const now = new Date(nowMs)
  return db
    .insertInto('push_tokens')
    .values({
      id,
      user_id: userId,
      session_id: sessionId,
      platform,
      device_name: deviceName,
      token,
      token_hash: createHash('sha256').update(token).digest(),
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) =>
      conflict.column('token_hash').doUpdateSet(({ case: choose, eb, ref }) => {
        // A token that comes from another account is a new one, whose old id nobody may meet again.
        const known = eb('push_tokens.user_id', '=', ref('excluded.user_id'))
        return {
          id: choose().when(known).then(ref('push_tokens.id')).else(ref('excluded.id')).end(),
          created_at: choose()
            .when(known)
            .then(ref('push_tokens.created_at'))
            .else(ref('excluded.created_at'))
            .end(),
          user_id: ref('excluded.user_id'),
          session_id: ref('excluded.session_id'),
          notify: choose().when(known).then(ref('push_tokens.notify')).else(ref('excluded.notify')).end(),
          previews: choose()
            .when(known)
            .then(ref('push_tokens.previews'))
            .else(ref('excluded.previews'))
            .end(),
          platform: ref('excluded.platform'),
          device_name: ref('excluded.device_name'),
          updated_at: ref('excluded.updated_at'),
        }
      }),
    )
    .returning(SHOWN)
}

function pushToken({ createdAt, ...row }: Omit<PushToken, 'createdAt'> & { createdAt: Date }): PushToken {
  return { ...row, createdAt: createdAt.toISOString() }
}

function device({ updatedAt, ...row }: Omit<Device, 'updatedAtMs'> & { updatedAt: Date }): Device {
  return { ...row, updatedAtMs: updatedAt.getTime() }
}

/** A parameter's type, which PostgreSQL cannot tell from a null. */
function cast<T>(value: Expression<T | null>, type: 'text' | 'boolean') {
  return sql<T | null>`${value}::${sql.raw(type)}`
}
