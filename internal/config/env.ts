import { readFileSync } from 'node:fs'

export type Env = Readonly<Record<string, string | undefined>>

/** Configuration that cannot be used: one line per fault, each naming its variable. */
export class ConfigError extends Error {
  readonly faults: string[]

  constructor(faults: string[]) {
    super(faults.join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Reads variables (`NAME`, or `NAME_FILE` holding a path to the value) and collects every fault, so that
 * an operator sees all of them in one go.
 */
export class EnvReader {
  readonly #env: Env
  readonly #faults: string[] = []

  constructor(env: Env) {
    this.#env = env
  }

  fault(name: string, message: string): void {
    this.#faults.push(`${name}: ${message}`)
  }

  /** The raw value, or undefined when neither NAME nor NAME_FILE is set (an empty value counts as unset). */
  optional(name: string): string | undefined {
    const direct = this.#env[name]
    const file = this.#env[`${name}_FILE`]
    if (direct && file) this.fault(name, `is set together with ${name}_FILE; set one of them`)
    if (direct) return direct
    if (!file) return undefined
    try {
      return readFileSync(file, 'utf8').replace(/\r?\n$/, '') || undefined
    } catch (error) {
      const why = typeof error === 'object' && error !== null && 'code' in error ? error.code : error
      this.fault(`${name}_FILE`, `cannot read ${file} (${why})`)
      return undefined
    }
  }

  required(name: string, why: string): string {
    const value = this.optional(name)
    if (value === undefined && !this.#env[`${name}_FILE`]) this.fault(name, `is required: ${why}`)
    return value ?? ''
  }

  list(name: string): string[] {
    return (this.optional(name) ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  }

  integer(name: string, fallback: number, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}): number {
    const text = this.optional(name)
    if (text === undefined) return fallback
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    this.fault(name, `must be a whole number from ${min} to ${max}, not "${text}"`)
    return fallback
  }

  /** Null when it is not set. */
  optionalInteger(name: string, bounds: { min?: number; max?: number } = {}): number | null {
    return this.optional(name) === undefined ? null : this.integer(name, bounds.min ?? 0, bounds)
  }

  number(name: string, fallback: number): number {
    const text = this.optional(name)
    if (text === undefined) return fallback
    const value = Number(text)
    if (Number.isFinite(value) && value >= 0) return value
    this.fault(name, `must be a number of 0 or more, not "${text}"`)
    return fallback
  }

  /** Milliseconds from `900` (seconds), `500ms`, `15m`, `12h` or `30d`. */
  duration(name: string, fallbackMs: number): number {
    const text = this.optional(name)
    if (text === undefined) return fallbackMs
    const match = /^(\d+)\s*(ms|s|m|h|d)?$/.exec(text)
    const value = match ? Number(match[1]) * (DURATION_UNITS[match[2] ?? 's'] ?? 0) : 0
    if (value > 0) return value
    this.fault(name, `must be a duration such as 900, 15m, 12h or 30d, not "${text}"`)
    return fallbackMs
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const text = this.optional(name)
    if (text === undefined) return fallback
    const found = values.find((value) => value === text)
    if (found === undefined) this.fault(name, `must be one of ${values.join(', ')}, not "${text}"`)
    return found ?? fallback
  }

  /** Checks a URL's scheme; returns the text unchanged. */
  url(name: string, text: string, schemes: readonly string[]): string {
    if (text === '') return text
    const parsed = URL.canParse(text) ? new URL(text) : null
    if (!parsed || !schemes.includes(parsed.protocol.slice(0, -1))) {
      this.fault(name, `must be a URL starting with ${schemes.map((s) => `${s}://`).join(' or ')}`)
    }
    return text
  }

  /** @throws ConfigError with all faults found so far. */
  finish(): void {
    if (this.#faults.length > 0) throw new ConfigError(this.#faults)
  }
}
