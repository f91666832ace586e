import type { LogRecord } from '../domain/change.ts'
import { type Component, pause } from '../platform/lifecycle.ts'
import type { Follower, LaneLease, LanePosition, LaneRow, RelayLog } from './ports.ts'
import type { RowSource } from './shared-rows.ts'

export interface FollowerOptions {
  name: Follower
  log: RelayLog
  /** Where the log's rows are read: the log itself, or what shares them with its other follower. */
  source: RowSource
  /** Does the rows' work; must be repeatable. A rejection leaves the lane where it was. */
  process(records: readonly LogRecord[]): Promise<void>
  /** True when work that was answered may be forgotten by the store, so that it is replayed after a fault. */
  replays: boolean
  /** Milliseconds between two batches unless there is more than one holds: fewer, larger ones cost less. */
  paceMs: number
  onError(error: unknown): void
  onProcessed(rows: number): void
}

interface Lane {
  lane: number
  /** A replay was asked for since the batch under way began: what that did must be done again. */
  isRewound: boolean
  /** Where to read on; behind the stored cursor while replaying. */
  position: LanePosition
  cursor: LanePosition
  safe: LanePosition
  /** Looks still to be taken: a row shows only once older transactions have ended. */
  looks: number
  /** Not before this time: its last work failed. */
  notBefore: number
}

const BATCH_ROWS = 512
const LEASE_INTERVAL_MS = 2000
const SETTLE_INTERVAL_MS = 10_000
const LOOK_INTERVAL_MS = 1000
/** A row is handed out once older transactions have ended: looks again this soon after finding none. */
const HORIZON_MS = 25
const HORIZON_LOOKS = 4
const RETRY_MS = 1000

/**
 * Follows the log in one of its two uses. Each lane is worked on by one node at a time, in order; those of a
 * node together, as one batch costs little more than one lane. A lane's failure stops that lane alone until
 * the next try.
 */
export class LogFollower implements Component {
  readonly name: string
  readonly #options: FollowerOptions
  readonly #lanes = new Map<number, Lane>()
  #signal = AbortSignal.abort()
  /** Batches begun so far. */
  #batches = 0
  #passes: Promise<void> | null = null

  constructor(options: FollowerOptions) {
    this.name = `relay:${options.name}`
    this.#options = options
  }

  /** Rows of this lane were committed just now. */
  wake(number: number): void {
    const lane = this.#lanes.get(number)
    if (!lane || this.#signal.aborted) return
    lane.looks = HORIZON_LOOKS
    this.#passes ??= this.#runPasses().finally(() => {
      this.#passes = null
    })
  }

  /** What the store acknowledged of late may be lost (it went down or came back): do it again. */
  replay(): void {
    for (const lane of this.#lanes.values()) {
      lane.position = lane.safe
      lane.isRewound = true
      this.wake(lane.lane)
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
          const quietSince = this.#passes === null ? this.#batches : null
          const leases = await this.#options.log.lease(this.#options.name)
          this.#held(leases, quietSince === this.#batches)
          leasedAt = Date.now()
        }
        if (Date.now() - settledAt >= SETTLE_INTERVAL_MS) {
          await this.#options.log.settle(this.#options.name, this.#settledLanes())
          settledAt = Date.now()
        }
        for (const lane of await this.#options.log.lanesWithWork(this.#options.name)) this.wake(lane)
      } catch (error) {
        this.#options.source.forget()
        this.#options.onError(error)
      }
      await pause(LOOK_INTERVAL_MS, signal)
    }
    await this.#passes
    await this.#options.log.release(this.#options.name).catch(this.#options.onError)
  }

  /** `isCurrent`: no batch can have moved a cursor since the leases were read. */
  #held(leases: LaneLease[], isCurrent: boolean): void {
    const now = new Set(leases.map((lease) => lease.lane))
    for (const lane of this.#lanes.keys()) if (!now.has(lane)) this.#lanes.delete(lane)
    for (const { lane, cursor, safe, takenOver } of leases) {
      const known = this.#lanes.get(lane)
      // A database crash may have put the cursor back, and the answer that told of the new lease may be lost.
      const isBack = known !== undefined && isCurrent && isAfter(known.cursor, cursor)
      if (known && !takenOver && !isBack) {
        known.safe = safe
        continue
      }
      this.#options.source.forget()
      const behind = this.#options.replays && isAfter(cursor, safe)
      const position = behind ? safe : cursor
      this.#lanes.set(lane, { lane, isRewound: false, position, cursor, safe, looks: 0, notBefore: 0 })
      this.wake(lane)
    }
  }

  /** Lanes that are not replaying and whose last write did not fail. */
  #settledLanes(): number[] {
    return [...this.#lanes].filter(([, lane]) => lane.position === lane.cursor).map(([number]) => number)
  }

  async #runPasses(): Promise<void> {
    while (!this.#signal.aborted) {
      const waiting = [...this.#lanes.values()].filter((lane) => lane.looks > 0)
      if (waiting.length === 0) return
      const due = waiting.filter((lane) => lane.notBefore <= Date.now())
      const found = due.length > 0 ? await this.#pass(due) : 'nothing'
      const { paceMs } = this.#options
      if (found !== 'full lanes') await pause(found === 'rows' ? paceMs : HORIZON_MS, this.#signal)
    }
  }

  /** One batch of all these lanes. Never rejects. */
  async #pass(lanes: Lane[]): Promise<'nothing' | 'rows' | 'full lanes'> {
    this.#batches++
    for (const lane of lanes) {
      lane.looks--
      lane.isRewound = false
    }
    try {
      const places = lanes.map(({ lane, position }) => ({ lane, after: position }))
      const rows = await this.#options.source.rows(places, BATCH_ROWS)
      const byLane = Map.groupBy(rows, (row) => row.lane)
      // Nothing is left between the place and the cursor: the lane has caught up with itself.
      for (const lane of lanes) if (!byLane.has(lane.lane)) moveOn(lane, lane.cursor)
      const found = lanes.filter((lane) => byLane.has(lane.lane))
      if (found.length > 0) await this.#workOff(found, byLane)
      if (found.length === 0) return 'nothing'
      return found.some(({ lane }) => byLane.get(lane)?.length === BATCH_ROWS) ? 'full lanes' : 'rows'
    } catch (error) {
      this.#failed(lanes, error)
      return 'nothing'
    }
  }

  /** All lanes at once; when that fails each by itself, so that one cannot stop the others. */
  async #workOff(lanes: Lane[], byLane: ReadonlyMap<number, LaneRow[]>): Promise<void> {
    const [only, ...others] = lanes
    try {
      await this.#done(lanes, byLane)
    } catch (error) {
      if (others.length === 0 && only) this.#failed([only], error)
      else for (const lane of lanes) await this.#workOff([lane], byLane)
    }
  }

  async #done(lanes: Lane[], byLane: ReadonlyMap<number, LaneRow[]>): Promise<void> {
    const { log, name, process, onProcessed } = this.#options
    const rows = lanes.flatMap((lane) => byLane.get(lane.lane) ?? [])
    await process(rows.map((row) => row.record))
    onProcessed(rows.length)
    const moves: { lane: number; to: LanePosition }[] = []
    for (const lane of lanes) {
      const last = byLane.get(lane.lane)?.at(-1)
      if (!last) continue
      lane.looks = HORIZON_LOOKS
      if (isAfter(last, lane.cursor)) {
        lane.cursor = last
        moves.push({ lane: lane.lane, to: last })
      }
      moveOn(lane, isAfter(lane.cursor, last) ? last : lane.cursor)
    }
    if (moves.length === 0) return
    const held = await log.advance(name, moves)
    for (const { lane } of moves) if (!held.has(lane)) this.#lanes.delete(lane)
  }

  #failed(lanes: Lane[], error: unknown): void {
    this.#options.source.forget()
    this.#options.onError(error)
    for (const lane of lanes) {
      if (this.#options.replays) lane.position = lane.safe
      lane.notBefore = Date.now() + RETRY_MS
      lane.looks = HORIZON_LOOKS
    }
  }
}

function moveOn(lane: Lane, to: LanePosition): void {
  if (!lane.isRewound) lane.position = to
}

function isAfter(a: LanePosition, b: LanePosition): boolean {
  const [ax, bx] = [BigInt(a.xid), BigInt(b.xid)]
  return ax > bx || (ax === bx && BigInt(a.position) > BigInt(b.position))
}
