import type { RowEntry } from './live-entry.ts'

const ROWS_MAX = 1000
const LENGTH_MAX = 1024 * 1024

/** Rows kept for later; what is beyond its bounds is dropped, and has to come from the log. */
export class RowBuffer {
  isFull = false
  #rows: RowEntry[] = []
  #length = 0

  push(row: RowEntry): void {
    this.isFull ||= this.#rows.length >= ROWS_MAX || this.#length + row.json.length > LENGTH_MAX
    if (this.isFull) return
    this.#rows.push(row)
    this.#length += row.json.length
  }

  get rows(): readonly RowEntry[] {
    return this.#rows
  }

  /** All of them; empty afterwards. */
  take(): RowEntry[] {
    const rows = this.#rows
    this.#rows = []
    this.#length = 0
    this.isFull = false
    return rows
  }
}
