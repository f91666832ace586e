import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { messageSchema } from '../internal/api/http/conversation-schema.ts'
import { zodOf } from '../internal/api/json-schema.ts'
import { Parsing } from '../internal/api/parsing.ts'
import { PUSHES, SOCKETS_PER_ADDRESS, SOCKETS_PER_USER, UPGRADES } from '../internal/api/ws/socket-limits.ts'
import { ERROR_CODES } from '../internal/domain/errors.ts'
import { LOAD_THRESHOLDS } from '../internal/platform/load.ts'
import { CLOSE } from '../internal/realtime/close-codes.ts'
import { MAX_DEPTH, MAX_EVENT, MAX_REF, MAX_TOPIC } from '../internal/realtime/codec.ts'
import * as limits from '../internal/realtime/limits.ts'
import { UPGRADE_STATUS } from '../internal/realtime/upgrade-refusal.ts'
import { MemoryBus } from '../internal/repository/memory/bus.ts'
import { type LiveNode, startLiveNode } from '../internal/testkit/live-node.ts'
import { LiveStores } from '../internal/testkit/live-stores.ts'
import { readProject } from './compose.ts'

const PAGE = readProject('docs/protocol.md')
let node: LiveNode

beforeAll(async () => {
  node = await startLiveNode(new LiveStores(), new MemoryBus())
})
afterAll(() => node.stop())

/** The text below a heading, down to the next of the same rank or a higher one. */
function section(heading: string): string {
  const rank = heading.indexOf(' ')
  const [, below] = PAGE.split(`\n${heading}\n`)
  if (below === undefined) throw new Error(`docs/protocol.md has no ${heading}`)
  return below.split(new RegExp(`\n#{1,${rank}} `))[0] ?? ''
}

/** The first two cells of each row of the table with these columns. */
function table(text: string, first: string, second: string): [string, string][] {
  const [, below] = text.split(`| ${first} | ${second} `)
  if (below === undefined) throw new Error(`no table of ${first} and ${second}`)
  const lines = below.split('\n').slice(2)
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(0, end < 0 ? lines.length : end).map((line) => {
    const [, one = '', two = ''] = line.split(' | ').join('|').split('|')
    return [one.trim(), two.trim()]
  })
}

/** `a`, `b` {x, y?} … as two names with the same fields; null where no fields are given. */
function namesIn(cell: string): [string, string[] | null][] {
  const [names = ''] = cell.split('{')
  return [...names.matchAll(/`(\w[\w:]*)/g)].map(([, name = '']) => [name, fieldsIn(cell)])
}

/** {x, y?, scope: one or other} as its keys; {x or y} are both optional. */
function fieldsIn(text: string): string[] | null {
  const [, inner] = /\{([^{}]*)\}/.exec(text) ?? []
  if (inner === undefined || text.includes('{<')) return null
  const parts = inner.split(',').map((part) => part.split(/: | \(/)[0]?.trim() ?? '')
  const named = parts.filter((part) => part !== '')
  return named
    .flatMap((part) => (part.includes(' or ') ? part.split(' or ').map((one) => `${one}?`) : [part]))
    .toSorted()
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.unknown()),
  required: z.array(z.string()).default([]),
})

function fieldsOf(schema: unknown): string[] {
  const shape = schema instanceof Parsing ? schema.shape : zodOf(schema)
  const json = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any', reused: 'inline' })
  // One with an id is a reference to itself.
  const { properties, required } = objectSchema.parse(json.$ref ? Object.values(json.$defs ?? {})[0] : json)
  return Object.keys(properties)
    .map((name) => (required.includes(name) ? name : `${name}?`))
    .toSorted()
}

describe.each([
  ['chat', '## `chat:<conversationId>`'],
  ['inbox', '## `user:inbox`'],
])('the topic %s', (name, heading) => {
  const topic = () => {
    const found = node.topics.all().find((one) => one.name === name)
    if (!found?.document) throw new Error(`no topic ${name}`)
    return { ...found, document: found.document }
  }

  it('takes the join that is documented, and answers it so', () => {
    const [, join = '', reply = ''] =
      /\*\*Join\*\* (\{[^}]*\})[^{]*reply\s+(\{[^}]*\})/i.exec(section(heading)) ?? []
    expect(fieldsIn(join)).toEqual(fieldsOf(topic().document.join.payload))
    expect(fieldsIn(reply)).toEqual(fieldsOf(topic().document.join.reply))
  })

  it('takes the pushes that are documented, with their fields and replies', () => {
    const rows = table(section(heading), 'push', 'reply')
    const documented = rows.flatMap(([push, reply]) =>
      namesIn(push).map(([event, fields]) => [event, fields ?? [], fieldsIn(reply)]),
    )
    const { events, document } = topic()
    const taken = Object.entries(events).map(([event, { schema }]) => [
      event,
      fieldsOf(schema),
      fieldsOf(document.pushes[event]?.reply),
    ])
    expect(documented.toSorted()).toEqual(taken.toSorted())
  })

  it('sends what is documented, with its fields', () => {
    const documented = table(section(heading), 'sent', 'when').flatMap(([sent]) => namesIn(sent))
    const { sends } = topic().document
    expect(documented.map(([event]) => event).toSorted()).toEqual(Object.keys(sends).toSorted())
    for (const [event, fields] of documented) {
      const payload = sends[event]?.payload
      if (fields) expect([event, fields]).toEqual([event, fieldsOf(payload)])
      else expect([event, payload === messageSchema || event === 'presence_state']).toEqual([event, true])
    }
  })
})

describe('the limits', () => {
  const KIB = 1024
  const mega = (bytes: number) => `${bytes / KIB / KIB} MB`
  const figure = (count: number) => count.toLocaleString('en')
  const bucket = ({ burst, perSecond }: typeof PUSHES) =>
    `${figure(burst)} at once, then ${perSecond} a second`
  const { newcomers, work } = LOAD_THRESHOLDS
  const { dropAbove, resyncAbove, closeAbove, slowMs } = limits.BACK_PRESSURE

  const documented = () => table(section('### Limits'), 'what', 'limit')
  const known = [
    [
      'a message from the client',
      `${limits.MAX_MESSAGE_BYTES / KIB} KiB; ${figure(limits.MAX_FRAGMENTS)} frames; JSON nested ${MAX_DEPTH} deep`,
    ],
    ['topic, event, ref', `${MAX_TOPIC}, ${MAX_EVENT}, ${MAX_REF} UTF-16 units`],
    ['topics joined by a socket', figure(limits.MAX_CHANNELS)],
    ['pushes and joins not answered yet', `${limits.MAX_IN_FLIGHT} a socket`],
    ['silence', `${limits.SILENCE_MS / 1000} s without a frame or a ping`],
    ['the upgrade', `${limits.UPGRADE_MS / 1000} s`],
    ['typing and presence waiting for a client that reads too slowly', `${dropAbove / KIB} KiB`],
    ['bytes waiting for it', mega(resyncAbove)],
    [
      'bytes waiting for it for too long',
      `${mega(resyncAbove)} for ${slowMs / 1000} s, or ${mega(closeAbove)}`,
    ],
    ['answers that the client does not read', mega(resyncAbove)],
    ['pushes and joins of a user, on one node', bucket(PUSHES)],
    ['sockets of a user; of an address, on one node', `${SOCKETS_PER_USER}; ${figure(SOCKETS_PER_ADDRESS)}`],
    ['upgrades tried by an address, on one node', bucket(UPGRADES)],
    [
      'what a node can take on',
      `event loop ${newcomers.lagMs} ms late or ${newcomers.memory * 100} % of its memory; ${work.lagMs / 1000} s or ${work.memory * 100} %`,
    ],
  ]

  it.each(known)('%s', (what, limit) => {
    expect(documented()).toContainEqual([what, limit])
  })

  it('are all of these, and one that its own test measures', () => {
    const names = documented().map(([what]) => what)
    expect(names.toSorted()).toEqual([...known.map(([what]) => what), 'sends waiting on a node'].toSorted())
  })
})

it('every close code is explained, and no other', () => {
  const codes = table(section('### Close codes'), 'code', 'why').flatMap(([cell]) =>
    cell.split(', ').map(Number),
  )
  expect(codes.toSorted()).toEqual(Object.values(CLOSE).toSorted())
})

it('every status of a refused upgrade is explained', () => {
  const documented = table(section('## Connecting'), 'status', 'why').map(([cell]) => Number(cell))
  expect(documented.toSorted()).toEqual([...new Set(Object.values(UPGRADE_STATUS))].toSorted())
})

/** Of HTTP alone. */
const NEVER_ON_SOCKETS = [
  ...['unauthenticated', 'totp_required', 'method_not_allowed', 'gone', 'payload_too_large'],
  ...['unsupported_media_type', 'feature_disabled'],
]

it('every code of a refused push is explained', () => {
  const documented = table(section('### Refused pushes'), 'code', 'the client should').flatMap(([cell]) =>
    [...cell.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code),
  )
  const expected = ERROR_CODES.filter((code) => !NEVER_ON_SOCKETS.includes(code))
  expect([...new Set(documented)].toSorted()).toEqual([...expected].toSorted())
})
