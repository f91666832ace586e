import type { LogEntry } from '../domain/log-entry.ts'
import { type Component, pause } from '../platform/lifecycle.ts'
import type { Follower, LaneLease, LanePosition, RelayLog } from './ports.ts'

export interface FollowerOptions {
  name: Follower
  log: RelayLog
  /** Does the rows' work; must be repeatable. A rejection leaves the lane where it was. */
  process(entries: readonly LogEntry[]): Promise<void>
  /** True when work that was answered may be forgotten by the store, so that it is replayed after a fault. */
  replays: boolean
  /** Milliseconds between two batches of a lane while they are small: fewer, larger ones cost less. */
  paceMs: number
  onError(error: unknown): void
  onProcessed(rows: number): void
}

interface Lane {
  /** Where to read on; behind the stored cursor while replaying. */
  position: LanePosition
  cursor: LanePosition
  safe: LanePosition
  busy: boolean
  /** Woken while busy, or not yet looked at. */
  work: boolean
}

const BATCH_ROWS = 512
const SMALL_BATCH = 64
const LEASE_INTERVAL_MS = 2000
const SETTLE_INTERVAL_MS = 10_000
const LOOK_INTERVAL_MS = 1000
/** A row is handed out once older transactions have ended: looks again this soon after finding none. */
const HORIZON_MS = 25
const HORIZON_LOOKS = 4
const RETRY_MS = 1000

/**
 * Follows the log in one of its two uses. Each lane is worked on by one node at a time, in order; a lane's
 * failure stops that lane alone until the next try.
 */
export class LogFollower implements Component {
  readonly name: string
  readonly #options: FollowerOptions
  readonly #lanes = new Map<number, Lane>()
  #signal = AbortSignal.abort()
  readonly #inFlight = new Set<Promise<void>>()

  constructor(options: FollowerOptions) {
    this.name = `relay:${options.name}`
    this.#options = options
  }

  /** Rows of this lane were committed just now. */
  wake(lane: number): void {
    const held = this.#lanes.get(lane)
    if (!held) return
    held.work = true
    this.#start(lane, held)
  }

  /** What the store acknowledged of late may be lost (it went down or came back): do it again. */
  replay(): void {
    for (const [number, lane] of this.#lanes) {
      lane.position = lane.safe
      this.wake(number)
    }
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    this.#signal = signal
    ready()
    let leasedAt = 0
    let settledAt = 0
    while (!signal.aborted) {
      try {
        if (Date.now() - leasedAt >= LEASE_INTERVAL_MS) {
          this.#held(await this.#options.log.lease(this.#options.name))
          leasedAt = Date.now()
        }
        if (Date.now() - settledAt >= SETTLE_INTERVAL_MS) {
          await this.#options.log.settle(this.#options.name, this.#settledLanes())
          settledAt = Date.now()
        }
        for (const lane of await this.#options.log.lanesWithWork(this.#options.name)) this.wake(lane)
      } catch (error) {
        this.#options.onError(error)
      }
      await pause(LOOK_INTERVAL_MS, signal)
    }
    await Promise.all(this.#inFlight)
    await this.#options.log.release(this.#options.name).catch(this.#options.onError)
  }

  #held(leases: LaneLease[]): void {
    const now = new Set(leases.map((lease) => lease.lane))
    for (const lane of this.#lanes.keys()) if (!now.has(lane)) this.#lanes.delete(lane)
    for (const { lane, cursor, safe, takenOver } of leases) {
      const known = this.#lanes.get(lane)
      if (known && !takenOver) {
        known.safe = safe
        continue
      }
      const behind = this.#options.replays && isAfter(cursor, safe)
      const position = behind ? safe : cursor
      this.#lanes.set(lane, { position, cursor, safe, busy: false, work: true })
      this.wake(lane)
    }
  }

  /** Lanes that are not replaying and whose last write did not fail. */
  #settledLanes(): number[] {
    return [...this.#lanes].filter(([, lane]) => lane.position === lane.cursor).map(([number]) => number)
  }

  #start(number: number, lane: Lane): void {
    if (lane.busy || this.#signal.aborted) return
    lane.busy = true
    const run = this.#work(number, lane).finally(() => {
      lane.busy = false
      this.#inFlight.delete(run)
    })
    this.#inFlight.add(run)
  }

  async #work(number: number, lane: Lane): Promise<void> {
    let looks = 0
    while (!this.#signal.aborted && this.#lanes.get(number) === lane && looks < HORIZON_LOOKS) {
      lane.work = false
      try {
        const found = await this.#pass(number, lane)
        looks = found > 0 || lane.work ? 0 : looks + 1
        if (found < SMALL_BATCH) await pause(found > 0 ? this.#options.paceMs : HORIZON_MS, this.#signal)
      } catch (error) {
        this.#options.onError(error)
        if (this.#options.replays) lane.position = lane.safe
        await pause(RETRY_MS, this.#signal)
      }
    }
  }

  /** One batch of the lane; answers its rows. */
  async #pass(number: number, lane: Lane): Promise<number> {
    const { log, name, process, onProcessed } = this.#options
    const rows = await log.rows(number, lane.position, BATCH_ROWS)
    const last = rows.at(-1)
    if (!last) {
      lane.position = lane.cursor
      return 0
    }
    await process(rows.map((row) => row.entry))
    onProcessed(rows.length)
    if (!isAfter(last, lane.cursor))
      lane.position = last.position === lane.cursor.position ? lane.cursor : last
    else {
      lane.position = last
      lane.cursor = last
      if (!(await log.advance(name, number, last))) this.#lanes.delete(number)
    }
    return rows.length
  }
}

function isAfter(a: LanePosition, b: LanePosition): boolean {
  const [ax, bx] = [BigInt(a.xid), BigInt(b.xid)]
  return ax > bx || (ax === bx && BigInt(a.position) > BigInt(b.position))
}
