import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type Channel, Presence, Socket } from 'phoenix'
import { WebSocket } from 'ws'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { pythonWith } from '../internal/testkit/python.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'

const TESTKIT = join(import.meta.dirname, '../internal/testkit')
const CLIENT_ID = '6f7d1c9a-3f0e-4d58-9a55-0b6a1c2d3e4f'
let url: string
let ann: Person
let bob: Person
let id: string

beforeAll(async () => {
  url = `http://127.0.0.1:${await new Binary('api', await clusterEnvironment()).ready()}`
  ann = await Person.register(url)
  bob = await Person.register(url)
  id = await ann.open(url, 'group', [bob])
}, 60_000)

function socketOf(person: Person): Socket {
  const socket = new Socket(`${url.replace('http', 'ws')}/socket`, {
    transport: WebSocket,
    params: () => ({ token: person.token }),
    rejoinAfterMs: () => 50,
    reconnectAfterMs: () => 50,
  })
  cleanUpAfterFile(async () => socket.disconnect())
  socket.connect()
  return socket
}

function answer(push: ReturnType<Channel['push']>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    push.receive('ok', resolve)
    for (const status of ['error', 'timeout'])
      push.receive(status, (why) => reject(new Error(JSON.stringify(why))))
  })
}

describe('the published JavaScript client', () => {
  it('chats: joins, sends, hears, edits, reads history, and knows who is online', async () => {
    const anns = socketOf(ann).channel(`chat:${id}`, {})
    const presence = new Presence(anns)
    const online = () => presence.list((userId: string) => userId).toSorted()
    await answer(anns.join())
    await eventually(() => expect(online()).toEqual([ann.id]))
    const bobsSocket = socketOf(bob)
    const bobs = bobsSocket.channel(`chat:${id}`, {})
    const asBobSees = new Presence(bobs)
    const heard: unknown[] = []
    for (const event of ['message:new', 'message:edited']) bobs.on(event, (message) => heard.push(message))
    await answer(bobs.join())
    await eventually(() => expect(online()).toEqual([ann.id, bob.id].toSorted()))
    await eventually(() => expect(asBobSees.list((userId: string) => userId)).toHaveLength(2))
    await ann.call(url, 'PUT', `/users/${bob.id}/block`)
    await eventually(() => expect(asBobSees.list((userId: string) => userId)).toEqual([bob.id]))
    await ann.call(url, 'DELETE', `/users/${bob.id}/block`)
    await eventually(() => expect(asBobSees.list((userId: string) => userId)).toHaveLength(2))
    const sent = await answer(anns.push('message:send', { content: 'hello' }))
    const messageId = Object(Object(sent).message).id
    await answer(anns.push('message:edit', { messageId, content: 'hello there' }))
    await eventually(() => expect(heard).toMatchObject([{ content: 'hello' }, { content: 'hello there' }]))
    expect(await answer(bobs.push('history', { limit: 1 }))).toMatchObject({
      items: [{ content: 'hello there' }],
    })
    bobsSocket.disconnect()
    await eventually(() => expect(online()).toEqual([ann.id]))
  })

  it('comes back with its cursor after the server closed it, and misses nothing', async () => {
    const socket = socketOf(bob)
    let seq = 0
    const seen: unknown[] = []
    const channel = socket.channel(`chat:${id}`, () => ({ seq }))
    const joined = (reply: unknown) => {
      const { messages, seq: reached } = Object(reply)
      seen.push(...messages.map((message: { content: string }) => message.content))
      seq = reached
    }
    channel.on('message:new', (message) => seen.push(Object(message).content))
    const push = channel.join()
    push.receive('ok', joined)
    await eventually(() => expect(channel.state).toBe('joined'))
    seen.length = 0
    // Breaks the protocol, so that the server closes: the client does not know, and reconnects.
    Object(socket).conn.send('not a frame')
    await eventually(() => expect(channel.state).not.toBe('joined'))
    await ann.call(url, 'POST', `/conversations/${id}/messages`, { content: 'meanwhile' })
    await eventually(() => expect(channel.state).toBe('joined'))
    await ann.call(url, 'POST', `/conversations/${id}/messages`, { content: 'afterwards' })
    await eventually(() => expect(seen).toEqual(['meanwhile', 'afterwards']))
  })
})

describe('the published Python client', () => {
  it('chats: hears, sends, is told of refusals, and leaves', async () => {
    const python = await pythonWith('phoenix-python-0.4.1', join(TESTKIT, 'phoenix-python.txt'))
    const address = `${url.replace('http', 'ws')}/socket/websocket?token=${bob.token}`
    const child = spawn(python, [join(TESTKIT, 'phoenix_client.py'), address, `chat:${id}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    cleanUpAfterFile(async () => void child.kill('SIGKILL'))
    const heard: [string, Record<string, unknown>][] = []
    createInterface(child.stdout).on('line', (line) => heard.push(JSON.parse(line)))
    const events = () => heard.map(([event]) => event)
    await eventually(() => expect(events()).toContain('subscribed'))
    await ann.call(url, 'POST', `/conversations/${id}/messages`, { content: 'hello, Python' })
    await eventually(() =>
      expect(events()).toEqual(expect.arrayContaining(['presence_state', 'message:new'])),
    )
    expect(heard.find(([event]) => event === 'message:new')?.[1]).toMatchObject({ content: 'hello, Python' })
    const bobs: unknown[] = []
    const anns = socketOf(ann).channel(`chat:${id}`, {})
    anns.on('message:new', (message) => bobs.push(message))
    await answer(anns.join())
    const push = (event: string, payload: object) =>
      child.stdin.write(`${JSON.stringify([event, payload])}\n`)
    const replyTo = (event: string) => heard.filter(([name]) => name === `reply to ${event}`)
    push('message:send', { content: 'hello from Python', clientId: CLIENT_ID })
    await eventually(() => expect(bobs).toMatchObject([{ content: 'hello from Python', senderId: bob.id }]))
    const sent = { status: 'ok', response: { message: { content: 'hello from Python' } } }
    await eventually(() => expect(replyTo('message:send').map(([, reply]) => reply)).toMatchObject([sent]))
    push('history', { limit: 1000 })
    const refused = { status: 'error', response: { code: 'validation_failed' } }
    await eventually(() => expect(replyTo('history').map(([, reply]) => reply)).toMatchObject([refused]))
    // One's own message comes as the reply, and not again.
    expect(events().filter((event) => event === 'message:new')).toHaveLength(1)
    child.stdin.end()
    await eventually(() => expect(events().at(-1)).toBe('unsubscribed'))
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  }, 180_000)
})
