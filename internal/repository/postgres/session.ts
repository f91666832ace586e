import type { SessionId, UserId } from '../../domain/ids.ts'
import type {
  Device,
  EndReason,
  NewSession,
  Rotation,
  RotationOutcome,
  SessionRecord,
  SessionRepository,
  SessionState,
} from '../../service/session/ports.ts'
import type { Queryable, Sql } from './sql.ts'

interface SessionRow {
  id: SessionId
  user_id: UserId
  device_name: string
  address: string
  created_at: Date
  last_seen_at: Date
}

interface StateRow {
  user_id: UserId
  role: SessionState['role']
  status: SessionState['status']
  ended: boolean
}

interface TokenRow extends SessionRow, StateRow {
  spent_at: Date | null
  successor_hash: Buffer | null
  expired: boolean
}

const SESSION = 's.id, s.user_id, s.device_name, s.address, s.created_at, s.last_seen_at'
const ENDED_PAGE = 10_000
/** More than anybody has that are still good. */
const TOKENS_MAX = 1000

// Lateral, so that tokens are looked up for those who were suspended: joined, all of them were read each time.
const ENDED = `
  select id, ended_at from sessions where ended_at >= $1
  union all select id, revoked_at from personal_tokens where revoked_at >= $1
  union all select t.id, u.suspended_at
    from (select id, suspended_at from users where suspended_at >= $1 order by suspended_at limit ${ENDED_PAGE}) u
    cross join lateral (
      select id from personal_tokens where user_id = u.id and revoked_at is null
      order by created_at desc limit ${TOKENS_MAX}) t
  order by ended_at limit ${ENDED_PAGE}`

const LAPSED = `
  select x.id from unnest($1::uuid[]) x(id)
  where not exists (
    select 1 from sessions s join users u on u.id = s.user_id
    where s.id = x.id and s.ended_at is null and s.expires_at > $2 and u.status = 'active')
  and not exists (
    select 1 from personal_tokens t join users u on u.id = t.user_id
    where t.id = x.id and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)
      and u.status = 'active')`

/** SessionRepository on PostgreSQL. */
export class PostgresSessions implements SessionRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  create(session: NewSession, keep: number): Promise<{ created: SessionRecord; ended: SessionId[] }> {
    const { id, userId, device, at, expiresAt, refreshHash } = session
    return this.#sql.transaction(async (sql) => {
      await sql.query(
        `insert into sessions (id, user_id, device_name, address, created_at, last_seen_at, expires_at)
         values ($1, $2, $3, $4, $5, $5, $6)`,
        [id, userId, device.name, device.address, at, expiresAt],
      )
      await insertToken(sql, refreshHash, id, at, expiresAt)
      const ended = await sql.query<{ id: SessionId }>(
        `update sessions set ended_at = $2, end_reason = 'ended' where id in (
           select id from sessions where user_id = $1 and ended_at is null and expires_at > $2
           order by last_seen_at desc, id desc offset $3)
         and ended_at is null returning id`,
        [userId, at, keep],
      )
      const created = {
        id,
        userId,
        deviceName: device.name,
        address: device.address,
        createdAt: at,
        lastSeenAt: at,
      }
      return { created, ended: ended.map((row) => row.id) }
    })
  }

  rotate(rotation: Rotation): Promise<RotationOutcome> {
    return this.#sql.transaction((sql) => rotateIn(sql, rotation))
  }

  async state(id: SessionId): Promise<SessionState | null> {
    const [row] = await this.#sql.query<StateRow>(
      `select s.user_id, u.role, u.status, s.ended_at is not null ended
       from sessions s join users u on u.id = s.user_id where s.id = $1`,
      [id],
    )
    return row ? stateOf(row) : null
  }

  async listLive(userId: UserId, now: Date): Promise<SessionRecord[]> {
    const rows = await this.#sql.query<SessionRow>(
      `select ${SESSION} from sessions s where s.user_id = $1 and s.ended_at is null and s.expires_at > $2
       order by s.last_seen_at desc, s.id desc limit 100`,
      [userId, now],
    )
    return rows.map(recordOf)
  }

  async end(userId: UserId, id: SessionId, reason: EndReason, at: Date): Promise<boolean> {
    const rows = await this.#sql.query(
      `update sessions set ended_at = $4, end_reason = $3
       where id = $2 and user_id = $1 and ended_at is null returning id`,
      [userId, id, reason, at],
    )
    return rows.length > 0
  }

  async endAll(userId: UserId, except: SessionId | null, reason: EndReason, at: Date): Promise<SessionId[]> {
    const rows = await this.#sql.query<{ id: SessionId }>(
      `update sessions set ended_at = $4, end_reason = $3
       where user_id = $1 and id is distinct from $2 and ended_at is null returning id`,
      [userId, except, reason, at],
    )
    return rows.map((row) => row.id)
  }

  async endedSince(since: Date): Promise<{ ids: SessionId[]; upTo: Date }> {
    const rows = await this.#sql.query<{ id: SessionId; ended_at: Date }>(ENDED, [since])
    return { ids: rows.map((row) => row.id), upTo: rows.at(-1)?.ended_at ?? since }
  }

  async lapsed(ids: readonly SessionId[], now: Date): Promise<SessionId[]> {
    const rows = await this.#sql.query<{ id: SessionId }>(LAPSED, [ids, now])
    return rows.map((row) => row.id)
  }

  async knowsAddress(userId: UserId, address: string): Promise<boolean> {
    const rows = await this.#sql.query('select 1 from sessions where user_id = $1 and address = $2 limit 1', [
      userId,
      address,
    ])
    return rows.length > 0
  }

  async knowsDevice(userId: UserId, device: Device): Promise<boolean> {
    const rows = await this.#sql.query(
      'select 1 from sessions where user_id = $1 and address = $2 and device_name = $3 limit 1',
      [userId, device.address, device.name],
    )
    return rows.length > 0
  }
}

async function rotateIn(sql: Queryable, rotation: Rotation): Promise<RotationOutcome> {
  const { tokenHash, successorHash, at, expiresAt, device } = rotation
  // The lock makes parallel uses of one token wait for each other: the first rotates, the others repeat.
  const [row] = await sql.query<TokenRow>(
    `select ${SESSION}, u.role, u.status, s.ended_at is not null ended, t.spent_at, t.successor_hash,
       t.expires_at <= $2 expired
     from refresh_tokens t join sessions s on s.id = t.session_id join users u on u.id = s.user_id
     where t.token_hash = $1 for update of t`,
    [tokenHash, at],
  )
  if (!row || row.ended || row.expired) return { status: 'unknown' }
  if (row.spent_at !== null) return repeatOrRevoke(sql, row, rotation)
  await insertToken(sql, successorHash, row.id, at, expiresAt)
  await sql.query(`update refresh_tokens set spent_at = $2, successor_hash = $3 where token_hash = $1`, [
    tokenHash,
    at,
    successorHash,
  ])
  await sql.query(
    `update sessions set last_seen_at = greatest(last_seen_at, $2), expires_at = $3, address = $4 where id = $1`,
    [row.id, at, expiresAt, device.address],
  )
  await sql.query(`delete from refresh_tokens where session_id = $1 and expires_at <= $2`, [row.id, at])
  const session = { ...recordOf(row), lastSeenAt: at, address: device.address }
  return { status: 'rotated', session, state: stateOf(row) }
}

async function repeatOrRevoke(
  sql: Queryable,
  row: TokenRow,
  { at, graceMs }: Rotation,
): Promise<RotationOutcome> {
  const session = recordOf(row)
  const [successor] = await sql.query<{ unused: boolean }>(
    `select spent_at is null unused from refresh_tokens where token_hash = $1`,
    [row.successor_hash],
  )
  const age = at.getTime() - (row.spent_at?.getTime() ?? 0)
  if (successor?.unused && age <= graceMs) return { status: 'repeated', session, state: stateOf(row) }
  await sql.query(
    `update sessions set ended_at = $2, end_reason = 'refresh_reuse' where id = $1 and ended_at is null`,
    [row.id, at],
  )
  return { status: 'reused', session }
}

async function insertToken(sql: Queryable, hash: Buffer, sessionId: SessionId, at: Date, expiresAt: Date) {
  await sql.query(
    `insert into refresh_tokens (token_hash, session_id, created_at, expires_at) values ($1, $2, $3, $4)`,
    [hash, sessionId, at, expiresAt],
  )
}

function recordOf(row: SessionRow): SessionRecord {
  return {
    id: row.id,
    userId: row.user_id,
    deviceName: row.device_name,
    address: row.address,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
  }
}

function stateOf(row: StateRow): SessionState {
  return { userId: row.user_id, role: row.role, status: row.status, ended: row.ended }
}
