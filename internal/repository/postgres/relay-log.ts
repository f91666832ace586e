import type pg from 'pg'
import type { Follower, LaneLease, LanePosition, LaneRow, RelayLog } from '../../relay/ports.ts'
import { type ChangeRow, changeOf, entryOf, LOG_ROW_COLUMNS, MESSAGE_KIND } from './log-entry.ts'
import { NodeLock } from './node-lock.ts'
import { query } from './query.ts'

// Free: nobody's, expired, or of a node whose advisory lock is gone, which means that it died.
const LEASE = {
  name: 'relay-lease',
  text: `
    with seen as (
      insert into relay_nodes (follower, key, seen_at) values ($1, $2, now())
      on conflict (follower, key) do update set seen_at = now()
    ), forgotten as (
      delete from relay_nodes where follower = $1 and key <> $2 and seen_at < now() - interval '1 minute'
    ), nodes as materialized (
      select objid::bigint key from pg_locks
      where locktype = 'advisory' and classid = ${NodeLock.CLASS} and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())
    ), share as (
      -- A node that lives but has not asked for a while has no share: its lanes would be nobody's.
      select ceil(16.0 / (1 + count(*))) n from relay_nodes r
      where r.follower = $1 and r.key <> $2 and r.seen_at > now() - interval '10 s'
        and r.key in (select key from nodes)
    ), candidates as (
      select lane, owner is not distinct from $2 own
      from lanes
      where follower = $1 and (owner is null or owner = $2 or until < now() or owner not in (select key from nodes))
      order by lane for update skip locked
    ), ranked as (
      select lane, own, row_number() over (order by own desc, lane) rank from candidates
    ), given_back as (
      update lanes l set owner = null, until = '-infinity'
      from ranked r where l.follower = $1 and l.lane = r.lane and r.own and r.rank > (select n from share)
    )
    update lanes l set owner = $2, until = now() + interval '10 s'
    from ranked r where l.follower = $1 and l.lane = r.lane and r.rank <= (select n from share)
    returning l.lane, l.xid::text, l.position::text, l.day::text,
      l.safe_xid::text, l.safe_position::text, l.safe_day::text, not r.own taken_over`,
}

const RELEASE = {
  name: 'relay-release',
  text: `update lanes set owner = null, until = '-infinity' where follower = $1 and owner = $2`,
}

// A cursor ahead of the cluster's transactions came from another one (a restored dump): what it counts as done
// was never done here, so that lane stands still until an operator has given it a place of this cluster.
const AHEAD = {
  name: 'relay-ahead',
  text: 'select follower, lane from lanes where xid >= pg_snapshot_xmax(pg_current_snapshot())',
}

const ROWS = {
  name: 'relay-rows',
  text: `
    select k.lane, l.xid::text row_xid, l.position::text row_position, l.day::text, ${LOG_ROW_COLUMNS}, l.kind, l.target_seq
    from unnest($1::integer[], $2::text[], $3::bigint[], $4::date[]) k(lane, xid, position, day)
    cross join lateral (
      select * from log l
      where l.lane = k.lane and (l.xid, l.position) > (k.xid::xid8, k.position)
        and l.xid < pg_snapshot_xmin(pg_current_snapshot())
        and k.xid::xid8 < pg_snapshot_xmax(pg_current_snapshot())
        and l.day between k.day - 1 and (now() at time zone 'UTC')::date + 1
      order by l.xid, l.position limit $5) l
    order by k.lane, l.xid, l.position`,
}

const ADVANCE = {
  name: 'relay-advance',
  text: `
    update lanes l set xid = m.xid::xid8, position = m.position, day = m.day, until = now() + interval '10 s'
    from unnest($3::integer[], $4::text[], $5::bigint[], $6::date[]) m(lane, xid, position, day)
    -- For this transaction only: a cursor lost in a crash is work done twice, which is harmless.
    cross join (select set_config('synchronous_commit', 'off', true)) c
    where l.follower = $1 and l.owner = $2 and l.lane = m.lane and (l.xid, l.position) < (m.xid::xid8, m.position)
    returning l.lane`,
}

const SETTLE = {
  name: 'relay-settle',
  text: `
    update lanes set safe_xid = mark_xid, safe_position = mark_position, safe_day = mark_day,
      mark_xid = xid, mark_position = position, mark_day = day, mark_at = now()
    where follower = $1 and lane = any ($2) and owner = $3 and now() - mark_at > interval '60 s'
      and (safe_xid, safe_position) < (xid, position)`,
}

const UNDONE = `
  from log l where l.lane = k.lane and (l.xid, l.position) > (k.xid, k.position)
    and l.xid < pg_snapshot_xmin(pg_current_snapshot())
    and l.day between k.day - 1 and (now() at time zone 'UTC')::date + 1`

const LANES_WITH_WORK = {
  name: 'relay-work',
  text: `select k.lane from lanes k where k.follower = $1 and exists (select 1 ${UNDONE})`,
}

const BACKLOG = {
  name: 'relay-backlog',
  text: `
    select k.lane, (select count(*) from (select 1 ${UNDONE} limit 100000) x)::integer rows
    from lanes k where k.follower = $1`,
}

interface LeaseRow {
  lane: number
  xid: string
  position: string
  day: string
  safe_xid: string
  safe_position: string
  safe_day: string
  taken_over: boolean
}

type RelayRow = ChangeRow & { lane: number; row_xid: string; row_position: string; day: string }

/** RelayLog on PostgreSQL; `node` is what tells whether this process lives. */
export class PostgresRelayLog implements RelayLog {
  readonly #pool: pg.Pool
  readonly #node: NodeLock

  constructor(pool: pg.Pool, node: NodeLock) {
    this.#pool = pool
    this.#node = node
  }

  async lease(follower: Follower): Promise<LaneLease[]> {
    const rows = await query<LeaseRow>(this.#pool, LEASE, [follower, await this.#node.key()])
    return rows.map((row) => ({
      lane: row.lane,
      cursor: { xid: row.xid, position: row.position, day: row.day },
      safe: { xid: row.safe_xid, position: row.safe_position, day: row.safe_day },
      takenOver: row.taken_over,
    }))
  }

  async release(follower: Follower): Promise<void> {
    await query(this.#pool, RELEASE, [follower, await this.#node.key()])
  }

  async rows(lanes: readonly { lane: number; after: LanePosition }[], limit: number): Promise<LaneRow[]> {
    const places = lanes.map(({ lane, after }) => ({ lane, ...after }))
    const rows = await query<RelayRow>(this.#pool, ROWS, [...placeColumns(places), limit])
    return rows.map((row) => ({
      lane: row.lane,
      xid: row.row_xid,
      position: row.row_position,
      day: row.day,
      record: row.kind === MESSAGE_KIND ? entryOf(row) : changeOf(row),
    }))
  }

  async advance(
    follower: Follower,
    moves: readonly { lane: number; to: LanePosition }[],
  ): Promise<Set<number>> {
    const places = moves.map(({ lane, to }) => ({ lane, ...to }))
    const values = [follower, await this.#node.key(), ...placeColumns(places)]
    const rows = await query<{ lane: number }>(this.#pool, ADVANCE, values)
    return new Set(rows.map((row) => row.lane))
  }

  async settle(follower: Follower, lanes: readonly number[]): Promise<void> {
    await query(this.#pool, SETTLE, [follower, lanes, await this.#node.key()])
  }

  async lanesWithWork(follower: Follower): Promise<number[]> {
    const rows = await query<{ lane: number }>(this.#pool, LANES_WITH_WORK, [follower])
    return rows.map((row) => row.lane)
  }

  async check(): Promise<void> {
    const rows = await query<{ follower: string; lane: number }>(this.#pool, AHEAD, [])
    const [first] = rows
    if (first)
      throw new Error(`${rows.length} lanes (${first.follower} ${first.lane}, ...) are ahead of the cluster`)
  }

  async backlog(follower: Follower): Promise<{ lane: number; rows: number }[]> {
    const rows = await query<{ lane: number; rows: number }>(this.#pool, BACKLOG, [follower])
    return rows.filter((row) => row.rows > 0)
  }
}

function placeColumns(places: readonly ({ lane: number } & LanePosition)[]): unknown[] {
  return [
    places.map((place) => place.lane),
    places.map((place) => place.xid),
    places.map((place) => place.position),
    places.map((place) => place.day),
  ]
}
