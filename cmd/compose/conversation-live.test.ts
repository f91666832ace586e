import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { loadConfig } from '../../internal/config/config.ts'
import { runComponents } from '../../internal/platform/lifecycle.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { clusterEnvironment } from '../../internal/testkit/binary.ts'
import { Person } from '../../internal/testkit/client.ts'
import { freePorts } from '../../internal/testkit/services/processes.ts'
import type { SocketClient } from '../../internal/testkit/socket-client.ts'
import { createApiNode } from './node.ts'

// What is done at one node is seen at the other.
const stop = new AbortController()
const stopped: Promise<void>[] = []
let here: string
let there: string
let ann: Person
let bob: Person
let eve: Person
let bobs: SocketClient
let eves: SocketClient

beforeAll(async () => {
  const env = await clusterEnvironment()
  const urls: string[] = []
  for (const port of await freePorts(2)) {
    const config = loadConfig('api', { ...env, PORT: String(port), PUBLIC_URL: 'http://chat.example' })
    const logger = createLogger({ name: 'test', level: 'silent' })
    const { DATABASE_URL: databaseUrl = '', SECRET_KEY: secretKey = '' } = env
    const { components } = await createApiNode({ config, logger, databaseUrl, secretKey })
    await new Promise<void>((ready, failed) => {
      const ended = runComponents(components, stop.signal, ready)
      ended.catch(failed)
      stopped.push(ended)
    })
    urls.push(`http://127.0.0.1:${port}`)
  }
  ;[here = '', there = ''] = urls
  ;[ann, bob, eve] = [await Person.register(here), await Person.register(here), await Person.register(here)]
  bobs = await bob.connect(there)
  eves = await eve.connect(there)
  await bobs.join('user:inbox')
  await eves.join('user:inbox')
}, 60_000)
afterAll(async () => {
  stop.abort()
  await Promise.all(stopped)
}, 30_000)

const conversation = z.object({ conversation: z.looseObject({ id: z.string() }) })

/** The next frame of the event on the topic, as it was told. */
async function payload(socket: SocketClient, topic: string, event: string) {
  return (await socket.waitForEvent(topic, event)).payload
}

describe('at another node', () => {
  it('who is added has the conversation, members see them come, change and go', async () => {
    const id = await ann.open(here, 'group', [bob])
    const chat = `chat:${id}`
    expect(conversation.parse(await payload(bobs, 'user:inbox', 'conversation:new')).conversation.id).toBe(id)
    await bobs.join(chat)

    await ann.call(here, 'POST', `/conversations/${id}/members`, { userIds: [eve.id] })
    expect(await payload(bobs, chat, 'member:joined')).toMatchObject({ member: { user: { id: eve.id } } })
    expect(await payload(bobs, chat, 'message:new')).toMatchObject({ system: { event: 'member_joined' } })
    expect(
      conversation.parse(await payload(eves, 'user:inbox', 'conversation:new')).conversation,
    ).toMatchObject({ id, role: 'member', memberCount: 3 })
    await eves.join(chat)

    await ann.call(here, 'PATCH', `/conversations/${id}/members/${bob.id}`, { role: 'moderator' })
    expect(await payload(eves, chat, 'member:updated')).toMatchObject({
      member: { user: { id: bob.id }, role: 'moderator' },
    })
    expect(await payload(bobs, chat, 'conversation:updated')).toMatchObject({
      conversation: { role: 'moderator' },
    })
    await bob.call(there, 'PATCH', `/conversations/${id}`, { name: 'Renamed' })
    expect(await payload(eves, chat, 'conversation:updated')).toMatchObject({
      conversation: { name: 'Renamed', role: 'member' },
    })

    await bob.call(there, 'DELETE', `/conversations/${id}/members/${eve.id}`)
    await eves.waitForEvent(chat, 'phx_close')
    const removed = await eves.find(({ event }) => event === 'conversation:removed')
    expect(removed.payload).toEqual({ conversationId: id, reason: 'removed' })
    expect(await payload(bobs, chat, 'member:left')).toMatchObject({ member: { user: { id: eve.id } } })

    await ann.call(here, 'POST', `/conversations/${id}/messages`, { type: 'text', content: 'without Eve' })
    await bobs.find((frame) => frame.event === 'message:new' && frame.payload['content'] === 'without Eve')
    await expect(eves.join(chat)).rejects.toMatchObject({ response: { code: 'not_found' } })
    expect(JSON.stringify(eves.frames)).not.toContain('without Eve')
  })

  it('who comes by an invite is told of what is said next', async () => {
    const id = await ann.open(here, 'group', [])
    const { body } = await ann.call(here, 'POST', `/conversations/${id}/invites`, {})
    const { code } = z.object({ code: z.string() }).parse(body)
    expect(await eve.call(here, 'POST', `/invites/${code}/join`)).toMatchObject({ status: 200, body: { id } })
    await eves.waitForEvent('user:inbox', 'conversation:new')
    await ann.call(here, 'POST', `/conversations/${id}/messages`, { type: 'text', content: 'welcome' })
    await eves.find(
      ({ event, payload: { message } }) =>
        event === 'inbox:message' && JSON.stringify(message).includes('welcome'),
    )
  })

  it('a deletion closes what is open, for everybody', async () => {
    const id = await ann.open(here, 'group', [bob, eve])
    const chat = `chat:${id}`
    await bobs.join(chat)
    await eves.join(chat)
    await ann.call(here, 'DELETE', `/conversations/${id}`)
    for (const socket of [bobs, eves]) {
      await socket.waitForEvent(chat, 'phx_close')
      const { payload: told } = await socket.find(
        (frame) => frame.event === 'conversation:removed' && frame.payload['conversationId'] === id,
      )
      expect(told).toEqual({ conversationId: id, reason: 'deleted' })
    }
    await expect(bobs.join(chat)).rejects.toMatchObject({ response: { code: 'not_found' } })
  })

  it('preferences reach one’s own devices, and nobody else', async () => {
    const id = await ann.open(here, 'group', [bob, eve])
    await bob.call(here, 'PATCH', `/conversations/${id}/preferences`, { draft: 'nearly said' })
    const isDraft = ({ event, payload: told }: { event: string; payload: object }) =>
      event === 'conversation:updated' && JSON.stringify(told).includes('nearly said')
    await bobs.find(isDraft)
    await ann.call(here, 'POST', `/conversations/${id}/messages`, { type: 'text', content: 'afterwards' })
    await eves.find((frame) => JSON.stringify(frame.payload).includes('afterwards'))
    expect(eves.frames.some(isDraft)).toBe(false)
  })
})
