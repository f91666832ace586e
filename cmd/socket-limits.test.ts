import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { SOCKETS_PER_USER } from '../internal/api/ws/socket-limits.ts'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { type ServerFrame, type SocketClient, UpgradeRefused } from '../internal/testkit/socket-client.ts'

let databaseUrl: string
let one: string
let two: string
let second: Binary
let ann: Person
let bob: Person
let id: string

/** With the limits that operators get. */
beforeAll(async () => {
  const env: Record<string, string> = { ...(await clusterEnvironment()), RATE_LIMIT_SCALE: '1' }
  databaseUrl = env['DATABASE_URL'] ?? ''
  second = new Binary('api', env)
  const ports = await Promise.all([new Binary('api', env).ready(), second.ready()])
  ;[one = '', two = ''] = ports.map((port) => `http://127.0.0.1:${port}`)
  ann = await Person.register(one)
  bob = await Person.register(one)
  id = await ann.open(one, 'group', [bob])
}, 60_000)

async function refused(person: Person, url: string): Promise<UpgradeRefused> {
  const error = await person.connect(url).catch((reason: unknown) => reason)
  if (error instanceof UpgradeRefused) return error
  throw new Error('was let in')
}

/** Replies to these refs, once all have come. */
async function repliesTo(client: SocketClient, refs: unknown[]): Promise<ServerFrame['payload'][]> {
  const asked = new Set(refs)
  const replies = () => client.frames.filter(({ event, ref }) => event === 'phx_reply' && asked.has(ref))
  await eventually(() => expect(replies()).toHaveLength(refs.length))
  return replies().map(({ payload }) => payload)
}

describe('one client', () => {
  it('has a hundred sockets and no more, until it closes one', async () => {
    const eve = await Person.register(one)
    const open: SocketClient[] = []
    for (let n = 0; n < SOCKETS_PER_USER; n++) open.push(await eve.connect(one))
    const answer = await refused(eve, one)
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '30'])
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'rate_limited', retryAfterMs: 30_000 })
    await open.pop()?.close()
    await eventually(async () => void open.push(await eve.connect(one)))
    await Promise.all(open.map((socket) => socket.close()))
  })

  it('that floods is told when to come again, loses nothing else, and disturbs nobody', async () => {
    const [anns, bobs] = [await ann.connect(one), await bob.connect(one)]
    for (const client of [anns, bobs]) await client.join(`chat:${id}`)
    const refs = Array.from({ length: 400 }, () => anns.send(`chat:${id}`, 'typing:start'))
    const replies = await repliesTo(anns, refs)
    const turnedAway = replies.filter(({ status }) => status === 'error')
    expect(turnedAway.length).toBeGreaterThan(50)
    for (const { response } of turnedAway) {
      expect(response).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) })
      expect(Object(response).retryAfterMs).toBeGreaterThan(0)
    }
    expect(await bobs.push(`chat:${id}`, 'typing:start')).toEqual({})
    await eventually(async () => expect(await anns.push(`chat:${id}`, 'typing:stop')).toEqual({}))
    await Promise.all([anns.close(), bobs.close()])
  })

  it('that joins without end is answered each time, and costs no channel', async () => {
    const eve = await Person.register(one)
    const [client, bobs] = [await eve.connect(one), await bob.connect(one)]
    const refs = Array.from({ length: 3000 }, () => client.send(`chat:${randomUUID()}`, 'phx_join'))
    const codes = (await repliesTo(client, refs)).map(({ response }) => Object(response).code)
    expect(new Set(codes)).toEqual(new Set(['not_found', 'rate_limited']))
    expect(codes.filter((code) => code === 'rate_limited').length).toBeGreaterThan(2000)
    await bobs.join(`chat:${id}`)
    await Promise.all([client.close(), bobs.close()])
  })
})

it('who is suspended at one node is closed at the other, and not let in again', async () => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 })
  await pool.query(`update users set role = 'admin' where id = $1`, [ann.id]).finally(() => pool.end())
  const eve = await Person.register(one)
  const socket = await eve.connect(two)
  await eventually(async () => {
    const { status } = await ann.call(one, 'PATCH', `/admin/users/${eve.id}`, { status: 'suspended' })
    expect(status).toBe(200)
  })
  expect(await socket.closed).toMatchObject({ code: 4403 })
  expect((await refused(eve, two)).status).toBe(403)
})

it('a node that stops tells its sockets when to come back, then closes them', async () => {
  const sockets = await Promise.all([ann.connect(two), bob.connect(two)])
  await sockets[0]?.join(`chat:${id}`)
  second.signal('SIGTERM')
  for (const socket of sockets) {
    const told = await socket.find(({ event }) => event === 'system:drain', 'system:drain')
    expect(told).toMatchObject({ joinRef: null, ref: null, topic: 'phoenix' })
    expect(told.payload['retryAfterMs']).toBeGreaterThan(0)
    expect(await socket.closed).toMatchObject({ code: 1012 })
  }
  expect(await second.exited).toEqual({ code: 0, signal: null })
})
