import type { Clock } from './clock.ts'

export interface HealthCheck {
  name: string
  /** Whether this process can do its work without it; `/health/ready` answers 503 when it is down. */
  required: boolean
  /** Resolves when the dependency answers. Is abandoned, and its signal aborted, after two seconds. */
  check(signal: AbortSignal): Promise<void>
}

export interface DependencyHealth {
  name: string
  required: boolean
  status: 'up' | 'down'
  latencyMs: number
  /** An error's code or name (never its message, which may hold addresses); null when up. */
  reason: string | null
}

export interface HealthReport {
  /** `degraded`: something that is not required is down. `draining`: about to stop, send nobody here. */
  status: 'up' | 'degraded' | 'down' | 'draining'
  dependencies: DependencyHealth[]
  /** Null in a process without sockets. */
  openWebSockets: number | null
  /** Null when there is no queue, or it cannot be asked. */
  queueDepth: number | null
}

export interface HealthOptions {
  checks: readonly HealthCheck[]
  clock: Clock
  openWebSockets?: () => number
  queueDepth?: (signal: AbortSignal) => Promise<number>
  /** Milliseconds a check may take (2000). */
  timeoutMs?: number
  /** Milliseconds an answer is good for (1000), so that a storm of probes costs one round. */
  cacheMs?: number
}

/** What this process depends on, asked at most once per second however many ask. */
export class Health {
  readonly #options: HealthOptions
  readonly #timeoutMs: number
  readonly #cacheMs: number
  /** Checks that have not ended, those given up on included: none is started twice. */
  readonly #running = new Map<string, Promise<void>>()
  #draining = false
  #last: { at: number; report: HealthReport } | null = null
  #asking: Promise<HealthReport> | null = null

  constructor(options: HealthOptions) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? 2000
    this.#cacheMs = options.cacheMs ?? 1000
  }

  /** From now on `draining`, so that balancers look elsewhere while open work is finished. */
  drain(): void {
    this.#draining = true
  }

  /** Never rejects. */
  async report(): Promise<HealthReport> {
    const report = this.#fresh() ?? (await this.#round())
    return this.#draining ? { ...report, status: 'draining' } : report
  }

  #fresh(): HealthReport | null {
    if (!this.#last) return null
    return this.#options.clock.now() - this.#last.at < this.#cacheMs ? this.#last.report : null
  }

  /** One round at a time: who comes while it runs shares it. */
  #round(): Promise<HealthReport> {
    this.#asking ??= this.#ask()
      .then((report) => {
        this.#last = { at: this.#options.clock.now(), report }
        return report
      })
      .finally(() => {
        this.#asking = null
      })
    return this.#asking
  }

  async #ask(): Promise<HealthReport> {
    const { checks, openWebSockets, queueDepth } = this.#options
    const depth = queueDepth ? this.#depth(queueDepth) : null
    const dependencies = await Promise.all(checks.map((check) => this.#row(check)))
    return {
      status: statusOf(dependencies),
      dependencies,
      openWebSockets: openWebSockets?.() ?? null,
      queueDepth: await depth,
    }
  }

  async #row({ name, required, check }: HealthCheck): Promise<DependencyHealth> {
    const began = this.#options.clock.now()
    const failure = await this.#bounded(`check ${name}`, check)
    const latencyMs = this.#options.clock.now() - began
    return { name, required, status: failure === null ? 'up' : 'down', latencyMs, reason: failure }
  }

  async #depth(read: (signal: AbortSignal) => Promise<number>): Promise<number | null> {
    let depth: number | null = null
    const failure = await this.#bounded('queue depth', async (signal) => {
      depth = await read(signal)
    })
    return failure === null ? depth : null
  }

  /** Null, or why it failed; settles within the timeout even when the work does not. */
  async #bounded(key: string, work: (signal: AbortSignal) => Promise<void>): Promise<string | null> {
    if (this.#running.has(key)) return 'timeout'
    const stop = new AbortController()
    const running = Promise.resolve()
      .then(() => work(stop.signal))
      .finally(() => this.#running.delete(key))
    this.#running.set(key, running)
    const expired = Promise.withResolvers<'timeout'>()
    const timer = setTimeout(() => {
      expired.resolve('timeout')
      stop.abort()
    }, this.#timeoutMs)
    const outcome = running.then(() => null, reasonOf)
    return Promise.race([outcome, expired.promise]).finally(() => clearTimeout(timer))
  }
}

function statusOf(dependencies: readonly DependencyHealth[]): 'up' | 'degraded' | 'down' {
  const down = dependencies.filter(({ status }) => status === 'down')
  if (down.length === 0) return 'up'
  return down.some(({ required }) => required) ? 'down' : 'degraded'
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
