import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Health } from './health.ts'
import { HttpListener } from './http-listener.ts'
import { createLogger } from './logger.ts'
import { BoundedLabel, Metrics } from './metrics.ts'
import { operationsServer } from './operations.ts'

let up = true
const health = new Health({
  checks: [
    {
      name: 'rabbitmq',
      required: true,
      check: async () => {
        if (!up) throw new Error('gone')
      },
    },
  ],
  clock: { now: () => Date.now() },
  cacheMs: 0,
  queueDepth: async () => 12,
})
const metrics = new Metrics('notifier')
metrics.addHealth(health)
const stop = new AbortController()
const server = new HttpListener(
  operationsServer({ health, metrics, version: '1.2.3' }),
  { host: '127.0.0.1', port: 0 },
  createLogger({ name: 'test', level: 'silent' }),
)
let running: Promise<void>

beforeAll(async () => {
  await new Promise<void>((ready) => {
    running = server.run(stop.signal, ready)
  })
})
afterAll(async () => {
  stop.abort()
  await running
})

function get(path: string, method = 'GET'): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}${path}`, { method })
}

describe('operations server', () => {
  it('is live and ready while what it needs is up', async () => {
    up = true
    expect((await get('/health/live')).status).toBe(200)
    const ready = await get('/health/ready?verbose')
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({ status: 'up', queueDepth: 12, openWebSockets: null })
    expect(await (await get('/health')).json()).toMatchObject({
      status: 'up',
      version: '1.2.3',
      queueDepth: 12,
      dependencies: [{ status: 'up', latencyMs: expect.any(Number) }],
    })
  })

  it('is live but not ready when a required dependency is down', async () => {
    up = false
    expect((await get('/health/live')).status).toBe(200)
    expect((await get('/health/ready')).status).toBe(503)
    expect((await get('/health')).status).toBe(503)
  })

  it('shows Prometheus what it knows', async () => {
    up = true
    metrics.gauge('realchat_test_value', 'A test.', () => 5)
    metrics.observeHttp({ method: 'BREW', route: undefined, status: 404, seconds: 0.002 })
    const text = await (await get('/metrics')).text()
    expect(text).toContain('nodejs_eventloop_lag_seconds{process="notifier"}')
    expect(text).toContain('realchat_dependency_up{dependency="rabbitmq",process="notifier"} 1')
    expect(text).toContain('realchat_queue_depth{process="notifier"} 12')
    expect(text).toContain('realchat_test_value{process="notifier"} 5')
    expect(text).toMatch(/duration_seconds_count\{.*method="other",route="unmatched",status="404"\} 1/)
    expect(text).not.toContain('realchat_open_websockets{')
  })

  it('has nothing else', async () => {
    expect((await get('/')).status).toBe(404)
    const wrong = await get('/metrics', 'POST')
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})

describe('bounded label', () => {
  it('keeps the values it knows and calls the rest other', () => {
    const label = new BoundedLabel(2)
    expect(['a', 'b', 'c', 'a'].map((value) => label.of(value))).toEqual(['a', 'b', 'other', 'a'])
  })
})
