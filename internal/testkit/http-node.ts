import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Router } from 'express'
import type { Authenticator } from '../api/authenticator.ts'
import { createHttpApp } from '../api/http/app.ts'
import type { Route } from '../api/http/route.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import { createLogger } from '../platform/logger.ts'
import type { RateLimiter } from '../service/limit/ports.ts'

export interface Answer {
  status: number
  headers: Headers
  // The test states what it expects of it.
  // biome-ignore lint/suspicious/noExplicitAny: parsed JSON
  body: any
}

export interface Call {
  token?: string
  body?: unknown
  headers?: Record<string, string>
}

export interface HttpNode {
  url: string
  /** `path` is under /api/v1 unless it begins with `//`: then what follows is taken from the root. */
  call(method: string, path: string, call?: Call): Promise<Answer>
  close(): Promise<void>
}

/** Serves routes over real HTTP on a free port; every answer is checked against its schema. */
export async function serveRoutes(parts: {
  routes: readonly Route[]
  authenticator: Authenticator
  limiter: RateLimiter
  routers?: readonly Router[]
  clock?: Clock
}): Promise<HttpNode> {
  const app = createHttpApp({
    ...parts,
    topics: [],
    clock: parts.clock ?? systemClock,
    logger: createLogger({ name: 'test', level: process.env['TEST_LOG'] ?? 'silent' }),
    publicUrl: 'http://chat.example',
    version: '0.0.0',
    corsOrigins: [],
    trustedProxies: ['127.0.0.1'],
    checkResponses: true,
  })
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    call: (method, path, call = {}) => ask(url, method, path, call),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function ask(
  url: string,
  method: string,
  path: string,
  { token, body, headers }: Call,
): Promise<Answer> {
  const response = await fetch(url + (path.startsWith('//') ? path.slice(1) : `/api/v1${path}`), {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}
