import { isChange } from '../../domain/change.ts'
import { unavailable } from '../../domain/errors.ts'
import type { Follower, LaneLease, LanePosition, LaneRow, RelayLog } from '../../relay/ports.ts'
import type { ModelDatabase, ModelRow } from './database.ts'
import { isPast } from './database.ts'

interface Place {
  xid: number
  position: number
}

interface Lane {
  cursor: Place
  /** The cursor as the database would have it after a crash. */
  durable: Place
  safe: Place
  mark: Place
  markAt: number
  owner: string | null
  until: number
}

const FOLLOWERS: readonly Follower[] = ['archive', 'events']
const LEASE_MS = 10_000
const SETTLED_MS = 60_000
const DAY = '2026-01-01'
const START: Place = { xid: 0, position: 0 }

/** The tables `lanes` and `relay_nodes`. */
export class ModelLanes {
  readonly numbers: readonly number[]
  readonly #lanes = new Map<string, Lane>()

  constructor(numbers: readonly number[], nowMs: number) {
    this.numbers = numbers
    for (const follower of FOLLOWERS) {
      for (const number of numbers) {
        const places = { cursor: START, durable: START, safe: START, mark: START }
        this.#lanes.set(`${follower} ${number}`, { ...places, markAt: nowMs, owner: null, until: 0 })
      }
    }
  }

  lane(follower: Follower, number: number): Lane {
    const lane = this.#lanes.get(`${follower} ${number}`)
    if (!lane) throw new RangeError(`no lane ${number}`)
    return lane
  }

  /** Cursors that were moved without waiting for the disk may go back. */
  crash(): void {
    for (const lane of this.#lanes.values()) lane.cursor = lane.durable
  }

  /** Both followers are safely past the row. */
  isBehind(number: number, row: Place): boolean {
    return FOLLOWERS.every((follower) => !isPast(row, this.lane(follower, number).safe))
  }
}

/** RelayLog as one node has it. */
export class ModelRelayLog implements RelayLog {
  readonly #db: ModelDatabase
  readonly #lanes: ModelLanes
  readonly #key: () => string
  readonly #aliveKeys: () => readonly string[]

  constructor(db: ModelDatabase, lanes: ModelLanes, key: () => string, aliveKeys: () => readonly string[]) {
    this.#db = db
    this.#lanes = lanes
    this.#key = key
    this.#aliveKeys = aliveKeys
  }

  lease(follower: Follower): Promise<LaneLease[]> {
    return this.#at(() => {
      const alive = this.#aliveKeys()
      const now = this.#db.schedule.nowMs
      const share = Math.ceil(this.#lanes.numbers.length / Math.max(alive.length, 1))
      const candidates = this.#lanes.numbers
        .map((number) => ({ number, lane: this.#lanes.lane(follower, number) }))
        .filter(({ lane: { owner, until } }) => {
          return owner === null || owner === this.#key() || until < now || !alive.includes(owner)
        })
        .map((candidate) => ({ ...candidate, isOwn: candidate.lane.owner === this.#key() }))
        .sort((a, b) => Number(b.isOwn) - Number(a.isOwn) || a.number - b.number)
      for (const { lane, isOwn } of candidates.slice(share)) if (isOwn) giveBack(lane)
      return candidates.slice(0, share).map(({ number, lane, isOwn }) => {
        lane.owner = this.#key()
        lane.until = now + LEASE_MS
        lane.durable = lane.cursor
        const [cursor, safe] = [positionOf(lane.cursor), positionOf(lane.safe)]
        return { lane: number, cursor, safe, takenOver: !isOwn }
      })
    })
  }

  release(follower: Follower): Promise<void> {
    return this.#at(() => {
      for (const lane of this.#ownLanes(follower)) giveBack(lane)
    })
  }

  rows(lanes: readonly { lane: number; after: LanePosition }[], limit: number): Promise<LaneRow[]> {
    return this.#at(() =>
      lanes.flatMap(({ lane, after }) =>
        this.#db
          .laneRows(lane, placeOf(after))
          .slice(0, limit)
          .map((row) => this.#laneRow(row)),
      ),
    )
  }

  advance(follower: Follower, moves: readonly { lane: number; to: LanePosition }[]): Promise<Set<number>> {
    return this.#at(() => {
      const moved = new Set<number>()
      for (const { lane: number, to } of moves) {
        const lane = this.#lanes.lane(follower, number)
        if (lane.owner !== this.#key() || !isPast(placeOf(to), lane.cursor)) continue
        lane.cursor = placeOf(to)
        lane.until = this.#db.schedule.nowMs + LEASE_MS
        moved.add(number)
      }
      return moved
    })
  }

  settle(follower: Follower, numbers: readonly number[]): Promise<void> {
    return this.#at(() => {
      const now = this.#db.schedule.nowMs
      for (const number of numbers) {
        const lane = this.#lanes.lane(follower, number)
        if (lane.owner !== this.#key() || now - lane.markAt <= SETTLED_MS) continue
        if (!isPast(lane.cursor, lane.safe)) continue
        lane.safe = lane.mark
        lane.mark = lane.cursor
        lane.markAt = now
        lane.durable = lane.cursor
      }
    })
  }

  lanesWithWork(follower: Follower): Promise<number[]> {
    return this.#at(() => this.#lanes.numbers.filter((number) => this.#undone(follower, number) > 0))
  }

  check(): Promise<void> {
    return this.#at(() => {
      const next = this.#db.horizon()
      for (const number of this.#lanes.numbers) {
        for (const follower of FOLLOWERS) {
          if (this.#lanes.lane(follower, number).cursor.xid >= next) throw new Error('ahead of the cluster')
        }
      }
    })
  }

  backlog(follower: Follower): Promise<{ lane: number; rows: number }[]> {
    return this.#at(() => this.#lanes.numbers.map((lane) => ({ lane, rows: this.#undone(follower, lane) })))
  }

  #undone(follower: Follower, number: number): number {
    return this.#db.laneRows(number, this.#lanes.lane(follower, number).cursor).length
  }

  #ownLanes(follower: Follower): Lane[] {
    return this.#lanes.numbers
      .map((number) => this.#lanes.lane(follower, number))
      .filter(({ owner }) => owner === this.#key())
  }

  #laneRow({ lane, record, ...row }: ModelRow): LaneRow {
    const place = positionOf(this.#db.placeOf({ lane, record, ...row }))
    // A copy: the row may be erased in the log while this one is on its way.
    return { lane, record: isChange(record) ? { ...record } : { ...record }, ...place }
  }

  async #at<Result>(work: () => Result): Promise<Result> {
    const { schedule, isFaulty } = this.#db
    await schedule.turn()
    if (isFaulty && schedule.random.chance(0.02)) throw unavailable('PostgreSQL')
    const result = work()
    await this.#db.answer()
    return result
  }
}

function giveBack(lane: Lane): void {
  lane.owner = null
  lane.until = 0
}

function positionOf({ xid, position }: Place): LanePosition {
  return { xid: String(xid), position: String(position), day: DAY }
}

function placeOf({ xid, position }: LanePosition): Place {
  return { xid: Number(xid), position: Number(position) }
}
