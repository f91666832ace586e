import pg from 'pg'
import type { LogPartitions } from '../../relay/ports.ts'

const DAYS_AHEAD = 7
/** Nobody's sends wait behind this longer than that. */
const SETTINGS = `set lock_timeout = '100ms'; set jit = off`
const REMOVAL_LOCK = 0x5244

const REMOVABLE = `
  select c.relname name, i.inhdetachpending pending
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'log'::regclass and c.relname ~ '^log_[0-9]{8}$'
    and to_date(right(c.relname, 8), 'YYYYMMDD') < (now() at time zone 'UTC')::date - 2
  order by 1`

const LOCK_NOT_AVAILABLE = '55P03'

/** LogPartitions by plain statements on a connection of their own, outside any transaction. */
export class PostgresLogPartitions implements LogPartitions {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  makeAhead(): Promise<number> {
    return this.#connected(async (client) => {
      const { rows } = await client.query<{ made: number }>(
        `select log_make_partitions(d - 1, d + ${DAYS_AHEAD}) made from (select (now() at time zone 'UTC')::date d) x`,
      )
      return rows[0]?.made ?? 0
    })
  }

  removeOld(): Promise<string[]> {
    return this.#connected(async (client) => {
      const { rows } = await client.query('select pg_try_advisory_lock($1) mine', [REMOVAL_LOCK])
      if (!rows[0]?.mine) return []
      const removed: string[] = []
      const old = await client.query<{ name: string; pending: boolean }>(REMOVABLE)
      for (const { name, pending } of old.rows) {
        if (await this.#remove(client, name, pending)) removed.push(name)
      }
      return removed
    })
  }

  check(): Promise<void> {
    return this.#connected(async (client) => {
      const { rows } = await client.query<{ there: boolean }>(
        `select to_regclass('log_' || to_char((now() at time zone 'UTC')::date + 1, 'YYYYMMDD')) is not null there`,
      )
      if (!rows[0]?.there) throw new Error('the log has no partition for tomorrow')
    })
  }

  async #remove(client: pg.Client, name: string, pending: boolean): Promise<boolean> {
    // A cursor ahead of this cluster's transactions (a restored dump) says nothing about its rows.
    const { rows } = await client.query(
      `select 1 from ${name} l join lanes k on k.lane = l.lane
       where (l.xid, l.position) > (k.safe_xid, k.safe_position)
         or greatest(k.xid, k.safe_xid) >= pg_snapshot_xmax(pg_current_snapshot())
       limit 1`,
    )
    if (rows.length > 0) return false
    try {
      // Detaching alone waits for nobody's reads; dropping a table that is still attached would.
      await client.query(`alter table log detach partition ${name} ${pending ? 'finalize' : 'concurrently'}`)
      await client.query(`drop table ${name}`)
      return true
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE) return false
      throw error
    }
  }

  async #connected<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'realchat:partitions',
      connectionTimeoutMillis: 2000,
    })
    // The failure of the statement under way tells of a lost connection.
    client.on('error', () => undefined)
    await client.connect()
    try {
      await client.query(SETTINGS)
      return await work(client)
    } finally {
      await client.end()
    }
  }
}
