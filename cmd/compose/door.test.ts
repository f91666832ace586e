import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Container } from 'inversify'
import { z } from 'zod'
import { fullPath } from '../../internal/api/http/mount.ts'
import { Parsing } from '../../internal/api/parsing.ts'
import { loadConfig } from '../../internal/config/config.ts'
import { SCOPES, type Scope } from '../../internal/domain/user.ts'
import { runComponents } from '../../internal/platform/lifecycle.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { clusterEnvironment } from '../../internal/testkit/binary.ts'
import { Person } from '../../internal/testkit/client.ts'
import { freePorts } from '../../internal/testkit/services/processes.ts'
import { SocketClient } from '../../internal/testkit/socket-client.ts'
import { routesOf, topicsOf } from './door.ts'
import { createApiNode } from './node.ts'

// The doors as they are composed for production, on the real stores.
const stop = new AbortController()
let stopped: Promise<void>
let container: Container
let url: string
let ann: Person

beforeAll(async () => {
  const env = await clusterEnvironment()
  const [port = 0] = await freePorts(1)
  const config = loadConfig('api', { ...env, PORT: String(port), LOG_LEVEL: 'silent' })
  const logger = createLogger({ name: 'test', level: 'silent' })
  const { DATABASE_URL: databaseUrl = '', SECRET_KEY: secretKey = '' } = env
  const node = await createApiNode({ config, logger, databaseUrl, secretKey })
  container = node.container
  url = `http://127.0.0.1:${port}`
  await new Promise<void>((ready, failed) => {
    stopped = runComponents(node.components, stop.signal, ready)
    stopped.catch(failed)
  })
  ann = await Person.register(url)
}, 60_000)
afterAll(async () => {
  stop.abort()
  await stopped
}, 30_000)

const scopes: readonly string[] = SCOPES
const isScope = (text: string): text is Scope => scopes.includes(text)

/** A personal access token with all scopes but one. */
async function tokenWithout(scope: Scope): Promise<string> {
  const granted = SCOPES.filter((one) => one !== scope && one !== 'admin')
  const { body } = await ann.call(url, 'POST', '/auth/tokens', { name: `all but ${scope}`, scopes: granted })
  return z.object({ token: z.string() }).parse(body).token
}

/** The status that a request of nothing but a token gets. */
async function status(method: string, path: string, token?: string): Promise<number> {
  const response = await fetch(url + path.replaceAll(/:\w+/g, ann.id), {
    method: method.toUpperCase(),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
  await response.body?.cancel()
  return response.status
}

describe('every route', () => {
  it('names a scope that there is, or that it is for sessions or open', () => {
    const routes = routesOf(container)
    expect(routes.length).toBeGreaterThan(30)
    for (const route of routes) {
      expect([...scopes, 'session', 'open']).toContain(route.scope)
    }
  })

  it('is open only if it is one of these', () => {
    const open = routesOf(container).filter(({ scope }) => scope === 'open')
    expect(open.map((route) => `${route.method} ${fullPath(route)}`).toSorted()).toEqual([
      'get /.well-known/jwks.json',
      'post /api/v1/auth/login',
      'post /api/v1/auth/otp/request',
      'post /api/v1/auth/otp/verify',
      'post /api/v1/auth/password/forgot',
      'post /api/v1/auth/password/reset',
      'post /api/v1/auth/refresh',
      'post /api/v1/auth/register',
    ])
  })

  it('that only reads needs no scope to write', () => {
    for (const { method, path, scope } of routesOf(container)) {
      if (scope.endsWith(':write')) expect([path, method]).not.toEqual([path, 'get'])
    }
  })

  it('answers 401 to strangers and 403 to who lacks the scope, over the wire', async () => {
    const tokens = new Map<Scope, string>()
    for (const scope of SCOPES) tokens.set(scope, await tokenWithout(scope))
    for (const route of routesOf(container).filter(({ scope }) => scope !== 'open')) {
      const { method, scope } = route
      const path = fullPath(route)
      const lacking = tokens.get(isScope(scope) ? scope : 'admin')
      expect([method, path, await status(method, path), await status(method, path, lacking)]).toEqual([
        ...[method, path],
        ...[401, 403],
      ])
    }
  })
})

describe('every socket topic', () => {
  it('names a scope that there is, and so does each of its events', () => {
    const topics = topicsOf(container).all()
    expect(topics.map(({ name }) => name)).toEqual(expect.arrayContaining(['chat', 'inbox']))
    for (const { name, scope, events } of topics) {
      expect([name, scopes.includes(scope ?? 'none')]).toEqual([name, true])
      for (const [event, definition] of Object.entries(events)) {
        expect([name, event, scopes.includes(definition.scope ?? 'none')]).toEqual([name, event, true])
      }
    }
  })

  it('is described with its join, with a schema for each push, and with nothing that it does not take', () => {
    for (const { name, events, document } of topicsOf(container).all()) {
      expect([name, Object.keys(document?.pushes ?? {}).toSorted()]).toEqual([
        name,
        Object.keys(events).toSorted(),
      ])
      for (const [event, { schema }] of Object.entries(events)) {
        expect([name, event, schema instanceof Parsing]).toEqual([name, event, true])
      }
    }
  })

  it('refuses who lacks the scope, over the wire', async () => {
    const id = await ann.open(url, 'group', [])
    const topicOf: Record<string, string> = { chat: `chat:${id}`, inbox: 'user:inbox' }
    for (const { name, scope = '', events } of topicsOf(container).all()) {
      const topic = topicOf[name] ?? ''
      const refused = { response: { code: 'forbidden' } }
      if (isScope(scope)) {
        const socket = await SocketClient.connect(url, { token: await tokenWithout(scope) })
        await expect(socket.join(topic)).rejects.toMatchObject(refused)
        await socket.close()
      }
      for (const [event, { scope: needed = '' }] of Object.entries(events)) {
        if (needed === scope || !isScope(needed)) continue
        const socket = await SocketClient.connect(url, { token: await tokenWithout(needed) })
        await socket.join(topic)
        await expect(socket.push(topic, event, {})).rejects.toMatchObject(refused)
        await socket.close()
      }
    }
  })

  it('of the inbox needs the scopes of all that it brings', async () => {
    for (const scope of ['messages:read', 'conversations:read'] as const) {
      const socket = await SocketClient.connect(url, { token: await tokenWithout(scope) })
      await expect(socket.join('user:inbox')).rejects.toMatchObject({ response: { code: 'forbidden' } })
      await socket.close()
    }
  })
})

describe('a conversation', () => {
  it('has no message for who may not read messages', async () => {
    const id = await ann.open(url, 'group', [])
    const seen = async (token: string, path: string): Promise<string> => {
      const response = await fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })
      expect(response.status).toBe(200)
      return response.text()
    }
    const [reader, other] = [await tokenWithout('profile'), await tokenWithout('messages:read')]
    for (const path of [`/conversations/${id}`, '/conversations?limit=1']) {
      expect(await seen(reader, path)).toContain('"lastMessage":{')
      expect(await seen(other, path)).toContain('"lastMessage":null')
    }
  })
})
