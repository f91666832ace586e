import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import { Health } from '../../platform/health.ts'
import { Metrics } from '../../platform/metrics.ts'
import { observeHttp, operationsRouter } from './operations.ts'

const health = new Health({ checks: [], clock: { now: () => Date.now() }, openWebSockets: () => 41 })
const metrics = new Metrics('api')
metrics.addHealth(health)
let server: Server
let url: string

beforeAll(async () => {
  const app = express()
  app.use(observeHttp(metrics))
  app.use(operationsRouter({ health, metrics, version: '1.2.3' }))
  app.get('/api/v1/users/:id', (_request, response) => void response.status(204).end())
  server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

describe('operations routes', () => {
  it('tell readiness with the open WebSockets', async () => {
    const ready = await fetch(`${url}/health/ready`)
    expect(await ready.json()).toEqual({
      status: 'up',
      dependencies: [],
      openWebSockets: 41,
      queueDepth: null,
    })
    expect(ready.headers.get('cache-control')).toBe('no-store')
  })

  it('measure requests by route pattern, so that ids never become labels', async () => {
    await fetch(`${url}/api/v1/users/1`)
    await fetch(`${url}/api/v1/users/2`)
    await fetch(`${url}/no/such/path`)
    const answer = await fetch(`${url}/metrics`)
    expect(answer.headers.get('content-type')).toContain('text/plain')
    const text = await answer.text()
    expect(text).toMatch(/count\{.*method="GET",route="\/api\/v1\/users\/:id",status="204"\} 2/)
    expect(text).toMatch(/count\{.*method="GET",route="unmatched",status="404"\} 1/)
    expect(text).not.toContain('/no/such/path')
  })

  it('answer 503 while draining, and stay live', async () => {
    health.drain()
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
  })
})
