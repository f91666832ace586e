import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { z } from 'zod'
import { type Json, JsonSchemas } from '../json-schema.ts'
import { parsing } from '../parsing.ts'
import { asyncApiDocument, type DocumentedTopic } from './asyncapi.ts'
import { chatDocument } from './chat-document.ts'
import { inboxDocument } from './inbox-document.ts'

const where = { publicUrl: 'https://chat.example/base', version: '1.2.3' }

const topic: DocumentedTopic = {
  name: 'room',
  scope: 'messages:read',
  events: {
    'room:say': {
      scope: 'messages:write',
      schema: parsing(z.strictObject({ text: z.string() })),
      handle: () => ({}),
    },
  },
  document: {
    summary: 'A room',
    address: 'room:{name}',
    parameters: { name: 'its name' },
    join: { payload: z.object({}), reply: z.object({ n: z.int() }) },
    pushes: { 'room:say': { summary: 'Say it', reply: z.object({ said: z.boolean() }) } },
    sends: { 'room:said': { summary: 'Somebody said it', payload: z.object({ text: z.string() }) } },
  },
}

/** Every `$ref` in a document, and what it leads to. */
function references(document: object): [string, unknown][] {
  const found: [string, unknown][] = []
  JSON.stringify(document, (key, value: unknown) => {
    if (key === '$ref' && typeof value === 'string') found.push([value, lookUp(document, value)])
    return value
  })
  return found
}

function lookUp(document: unknown, reference: string): unknown {
  const isRecord = (one: unknown): one is Json => typeof one === 'object' && one !== null
  return reference
    .slice('#/'.length)
    .split('/')
    .reduce((part, key) => (isRecord(part) ? part[key] : undefined), document)
}

it('says what a topic takes and sends, from the server, with scope, schema and reply', () => {
  const document = asyncApiDocument([topic], where)
  expect(document).toMatchObject({
    asyncapi: '3.0.0',
    servers: {
      socket: { host: 'chat.example', pathname: '/base/socket/websocket', protocol: 'wss' },
    },
    channels: { room: { address: 'room:{name}', parameters: { name: { description: 'its name' } } } },
    operations: {
      'room.push.phx_join': { action: 'receive', 'x-scope': 'messages:read' },
      'room.push.room.say': {
        action: 'receive',
        'x-scope': 'messages:write',
        messages: [{ $ref: '#/channels/room/messages/room.say.push' }],
        reply: { messages: [{ $ref: '#/channels/room/messages/room.say.answered' }, expect.anything()] },
      },
      'room.send.room.said': { action: 'send' },
    },
  })
  expect(lookUp(document, '#/channels/room/messages/room.say.push')).toMatchObject({
    name: 'room:say',
    payload: { properties: { text: { type: 'string' } }, required: ['text'], additionalProperties: false },
  })
  expect(lookUp(document, '#/channels/room/messages/room.say.answered')).toMatchObject({
    name: 'phx_reply',
    payload: { properties: { response: { properties: { said: { type: 'boolean' } } } } },
  })
})

it('refers to nothing that is not in it, with schemas of many topics too', () => {
  const described = [
    { ...topic, name: 'chat', events: {}, document: chatDocument },
    { ...topic, name: 'inbox', events: {}, document: inboxDocument },
  ]
  const found = references(asyncApiDocument(described, where))
  expect(found.map(([reference]) => reference)).toEqual(
    expect.arrayContaining(['#/components/schemas/Message', '#/components/schemas/Refusal']),
  )
  expect(found.filter(([, target]) => target === undefined)).toEqual([])
})

it('is not made of a topic or a push that nobody described', () => {
  const { document: _, ...undescribed } = topic
  expect(() => asyncApiDocument([undescribed], where)).toThrow('topic room')
  const further = { ...topic.events, further: { handle: () => ({}) } }
  expect(() => asyncApiDocument([{ ...topic, events: further }], where)).toThrow('push further')
})

it('gives a schema with an id once, whichever draft', () => {
  const inner = z.object({ n: z.int() }).meta({ id: 'Inner' })
  for (const draft of ['draft-7', 'draft-2020-12'] as const) {
    const schemas = new JsonSchemas(draft)
    expect(schemas.of(z.array(inner))).toMatchObject({ items: { $ref: '#/components/schemas/Inner' } })
    expect(Object.keys(schemas.components)).toEqual(['Inner'])
  }
})

it('describes every event that the topics send, and none that they do not', () => {
  const folder = import.meta.dirname
  const sources = readdirSync(folder).filter(
    (name) => !/(\.test|-document|asyncapi.*|upgrade)\.ts$/.test(name),
  )
  const text = sources.map((name) => readFileSync(`${folder}/${name}`, 'utf8')).join('\n')
  const literals = [...text.matchAll(/'((?:[a-z]+:[a-z:]+)|receipt|presence_[a-z]+)'/g)].map(
    ([, word]) => word,
  )
  const documents = [chatDocument, inboxDocument]
  const sends = documents.flatMap((document) => Object.keys(document.sends))
  const known = new Set([
    ...sends,
    ...documents.flatMap((document) => Object.keys(document.pushes)),
    ...['messages:read', 'messages:write', 'conversations:read', 'conversations:write', 'user:inbox'],
  ])
  expect(literals.filter((word = '') => !known.has(word))).toEqual([])
  expect(sends.filter((event) => !literals.includes(event))).toEqual([])
})
