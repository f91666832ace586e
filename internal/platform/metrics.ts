import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Health } from './health.ts'

/** Seconds; the budgets (DESIGN: 3 ms, 25 ms, 2 s for a dependency) lie on edges. */
const DURATION_BUCKETS = [0.001, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const MAX_ROUTES = 250

export interface HttpObservation {
  method: string
  /** The route's pattern, for example `/api/v1/users/:id`; never the path asked for. */
  route: string | undefined
  status: number
  seconds: number
}

/** At most `max` different values of a label; later ones become `other`, so that no client can grow it. */
export class BoundedLabel {
  readonly #seen = new Set<string>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= this.#max) return 'other'
    this.#seen.add(value)
    return value
  }
}

/** This process's Prometheus metrics: Node's own (memory, GC, event-loop lag), HTTP, and what is added. */
export class Metrics {
  readonly registry = new Registry()
  readonly #routes = new BoundedLabel(MAX_ROUTES)
  readonly #http: Histogram<'method' | 'route' | 'status'>

  /**
   * @param process the binary's name, put on every metric as label `process`
   * @param worker which of several that share a port, as label `worker`
   */
  constructor(process: string, worker: number | null = null) {
    this.registry.setDefaultLabels(worker === null ? { process } : { process, worker: String(worker) })
    collectDefaultMetrics({ register: this.registry })
    this.#http = new Histogram({
      name: 'realchat_http_request_duration_seconds',
      help: 'From the request line to the end of the answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATION_BUCKETS,
      registers: [this.registry],
    })
  }

  observeHttp({ method, route, status, seconds }: HttpObservation): void {
    const labels = {
      method: METHODS.has(method) ? method : 'other',
      route: route === undefined ? 'unmatched' : this.#routes.of(route),
      status: String(status),
    }
    this.#http.observe(labels, seconds)
  }

  /** A value read at each scrape, for example the number of open sockets. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: async () => gauge.set(await read()),
    })
  }

  /** The report of `/health/ready` as gauges; a value that cannot be read is absent. */
  addHealth(health: Health): void {
    const registers = [this.registry]
    const up = new Gauge({
      name: 'realchat_dependency_up',
      help: '1 when the dependency answers.',
      labelNames: ['dependency'],
      registers,
      collect: async () => {
        const { dependencies } = await health.report()
        for (const { name, status } of dependencies) up.set({ dependency: name }, status === 'up' ? 1 : 0)
      },
    })
    this.#optional('realchat_open_websockets', 'Open WebSockets.', async () => {
      return (await health.report()).openWebSockets
    })
    this.#optional('realchat_queue_depth', 'Messages waiting in the queue.', async () => {
      return (await health.report()).queueDepth
    })
  }

  #optional(name: string, help: string, read: () => Promise<number | null>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: async () => {
        const value = await read()
        if (value === null) gauge.remove()
        else gauge.set(value)
      },
    })
  }
}
