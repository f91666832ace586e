export interface BenchOptions {
  /** A hundredth of the size and a second of each load: shows that it runs, measures nothing. */
  smoke: boolean
}

export type Row = Record<string, string | number>

/** What a figure of one row is to be. */
export interface Budget {
  /** Names the row: one with all of these. */
  where: Row
  figure: string
  atLeast?: number
  atMost?: number
}

export interface Scenario {
  name: string
  about: string
  budgets?: readonly Budget[]
  /** The load has a core of its own, and so has each server. */
  isPinned?: boolean
  run(options: BenchOptions): Promise<Row[]>
}

/** `count`, or what a smoke run makes of it. */
export function sized(count: number, { smoke }: BenchOptions, least = 1): number {
  return smoke ? Math.max(least, Math.ceil(count / 100)) : count
}

export function timed({ smoke }: BenchOptions, seconds = 10): { warmUpSeconds: number; seconds: number } {
  return smoke ? { warmUpSeconds: 0.5, seconds: 1 } : { warmUpSeconds: 3, seconds }
}

export function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits))
}
