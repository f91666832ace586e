import type { LanePosition, LaneRow, RelayLog } from './ports.ts'

/** Where a follower reads rows. */
export interface RowSource extends Pick<RelayLog, 'rows'> {
  /** The log may not be what it was: a database that lost its last moments gives their places to other rows. */
  forget(): void
}

/** Kept of each lane at most: rows, and characters of what is in them. */
const ROWS_MAX = 2048
const CHARACTERS_MAX = 1024 * 1024

/**
 * The log's rows for both followers, of which the second need not read what the first has read: below the horizon
 * the order is settled, so that what follows a place in a lane stays what it was. A row may by then have been
 * blanked in the log, as it may between being read and being written anyhow: its deletion comes after it.
 */
export class SharedRows implements RowSource {
  readonly #log: Pick<RelayLog, 'rows'>
  #stretches = new Map<number, Stretch>()

  constructor(log: Pick<RelayLog, 'rows'>) {
    this.#log = log
  }

  forget(): void {
    this.#stretches = new Map()
  }

  async rows(lanes: readonly { lane: number; after: LanePosition }[], limit: number): Promise<LaneRow[]> {
    // What is forgotten meanwhile stays so.
    const stretches = this.#stretches
    const known: LaneRow[] = []
    const asked = lanes.filter(({ lane, after }) => {
      const rows = stretches.get(lane)?.after(after, limit) ?? []
      known.push(...rows)
      return rows.length === 0
    })
    if (asked.length === 0) return known
    const read = await this.#log.rows(asked, limit)
    const byLane = Map.groupBy(read, ({ lane }) => lane)
    for (const { lane, after } of asked) {
      const rows = byLane.get(lane) ?? []
      if (rows.length > 0 && !stretches.get(lane)?.append(after, rows)) {
        stretches.set(lane, new Stretch(after, rows))
      }
    }
    return [...known, ...read]
  }
}

/** Rows of a lane that follow each other without anything in between. */
class Stretch {
  /** The place before each of the rows, by what it is called. */
  readonly #indexAfter = new Map<string, number>()
  #rows: LaneRow[] = []
  /** How many were dropped in front of the first that is there. */
  #dropped = 0
  #characters = 0
  #end: string

  constructor(after: LanePosition, rows: readonly LaneRow[]) {
    this.#end = nameOf(after)
    this.append(after, rows)
  }

  /** Nothing when the place is not in it, or is its end. */
  after(place: LanePosition, limit: number): LaneRow[] {
    const index = this.#indexAfter.get(nameOf(place))
    if (index === undefined) return []
    const from = index - this.#dropped
    return this.#rows.slice(from, from + limit)
  }

  /** False when there may be something between its end and the place. */
  append(after: LanePosition, rows: readonly LaneRow[]): boolean {
    if (nameOf(after) !== this.#end) return false
    for (const row of rows) {
      this.#indexAfter.set(this.#end, this.#dropped + this.#rows.length)
      this.#rows.push(row)
      this.#characters += row.record.payload.length
      this.#end = nameOf(row)
    }
    this.#shrink()
    return true
  }

  #shrink(): void {
    let count = 0
    for (const row of this.#rows) {
      if (this.#rows.length - count <= ROWS_MAX && this.#characters <= CHARACTERS_MAX) break
      this.#characters -= row.record.payload.length
      count++
    }
    if (count === 0) return
    this.#rows = this.#rows.slice(count)
    this.#dropped += count
    for (const [name, index] of this.#indexAfter) {
      if (index >= this.#dropped) break
      this.#indexAfter.delete(name)
    }
  }
}

function nameOf({ xid, position }: LanePosition): string {
  return `${xid} ${position}`
}
