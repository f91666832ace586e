import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { z } from 'zod'
import type { ChatEvent } from '../domain/event.ts'
import type { UserId } from '../domain/ids.ts'
import { isUuid } from '../domain/ids.ts'
import type { DeviceId } from '../domain/push.ts'
import { ATTEMPTS_PER_ROUND, type NotifyTask, type Scope } from '../notifier/ports.ts'

/** Events, or tasks, that travel in one message at most. */
export const BATCH_MAX = 64

/** Recipients of one page: what a scope lists at most. */
const SCOPE_MAX = 10_000

const userId = z.custom<UserId>((value) => typeof value === 'string' && isUuid(value))
const deviceId = z.custom<DeviceId>((value) => typeof value === 'string' && isUuid(value))

const eventId = z.string().min(1).max(200)
const uuid = z.string().refine(isUuid)
const seq = z.int().positive()
const at = z.iso.datetime()

/** What a consumer rests on; the rest of an event passes unread, and is what our own relay wrote. */
const eventShape = z.discriminatedUnion('kind', [
  z.looseObject({
    id: eventId,
    kind: z.literal('message'),
    conversationId: uuid,
    seq,
    message: z.looseObject({
      id: uuid,
      senderId: uuid,
      // Kinds to come pass: who cannot show one says that there is a message.
      type: z.string(),
      content: z.string(),
      mentions: z.object({ userIds: z.array(z.string()), all: z.boolean() }),
      createdAt: at,
    }),
  }),
  z.looseObject({
    id: eventId,
    kind: z.literal('reaction'),
    conversationId: uuid,
    seq,
    messageId: uuid,
    authorId: uuid,
    rev: z.int().positive(),
    actorId: uuid,
    emoji: z.string().max(100),
    at,
  }),
  z.looseObject({
    id: eventId,
    kind: z.literal('call_missed'),
    conversationId: uuid,
    callerId: uuid,
    userIds: z.array(uuid).max(SCOPE_MAX),
    at,
  }),
  z.looseObject({
    id: eventId,
    kind: z.literal('sign_in'),
    userId: uuid,
    sessionId: uuid,
    deviceName: z.string(),
    at,
  }),
  z.looseObject({ id: eventId, kind: z.literal('read'), conversationId: uuid, userId: uuid, seq, at }),
])
const event = z.custom<ChatEvent>((value) => eventShape.safeParse(value).success)

const task = z.object({
  event,
  attempt: z.int().min(0).max(30_000),
  graceOver: z.boolean(),
  scope: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('members'), after: userId.nullable() }),
    z.object({ kind: z.literal('users'), userIds: z.array(userId).max(SCOPE_MAX) }),
    z.object({ kind: z.literal('devices'), deviceIds: z.array(deviceId).max(SCOPE_MAX) }),
  ]),
})
const envelope = z.object({
  version: z.literal(1),
  tasks: z.array(task).min(1).max(BATCH_MAX),
  alone: z.boolean().default(false),
})

/** What a queue's message holds. */
export interface Envelope {
  version: 1
  tasks: NotifyTask[]
  /** Not to be handled together with other messages: it came back, or is a retry. */
  alone: boolean
}

export interface DeadTask {
  task: NotifyTask
  reason: string
}

/** An event that nobody has handled yet. */
export function firstTask(event: ChatEvent): NotifyTask {
  return { event, attempt: 0, graceOver: false, scope: firstScope(event) }
}

/** Whom an event may concern at all. */
function firstScope(event: ChatEvent): Scope {
  switch (event.kind) {
    case 'message':
      return { kind: 'members', after: null }
    case 'reaction':
      return { kind: 'users', userIds: [event.authorId] }
    case 'call_missed':
      return { kind: 'users', userIds: event.userIds }
    default:
      return { kind: 'users', userIds: [event.userId] }
  }
}

export function envelopeOf(tasks: readonly NotifyTask[], alone = false): Envelope {
  return { version: 1, tasks: [...tasks], alone }
}

/**
 * The first attempt of the next round for tasks that were given up; its number goes on rising, as it is the
 * fence that tells a late attempt from a new one. @throws Error when one is no task
 */
export function nextRound(values: readonly unknown[]): NotifyTask[] {
  return values.map((value) => {
    const given = task.parse(value)
    const round = Math.floor(given.attempt / ATTEMPTS_PER_ROUND) + 1
    return { ...given, attempt: round * ATTEMPTS_PER_ROUND }
  })
}

/** Null when it is not one of ours. */
export function parseEnvelope(value: unknown): Envelope | null {
  const result = envelope.safeParse(unpacked(value))
  return result.success ? result.data : null
}

/** An envelope in a fifth of its size, for a store that would parse and compress it by itself at ten times the cost. */
export interface PackedEnvelope {
  /** Base64 of zstd of its JSON. */
  packed: string
}

/** Shorter ones are not worth it. */
const PACK_ABOVE = 2000
/** What an envelope may unpack to: `BATCH_MAX` of the longest messages, and their escapes. */
const UNPACKED_MAX = 16 * 2 ** 20
const FASTEST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export function packedEnvelope(whole: Envelope): Envelope | PackedEnvelope {
  const json = JSON.stringify(whole)
  if (json.length < PACK_ABOVE) return whole
  return { packed: zstdCompressSync(json, FASTEST).toString('base64') }
}

const packedShape = z.object({ packed: z.base64() })

/** What was not packed, or cannot be read, is answered as it is. */
function unpacked(value: unknown): unknown {
  const { data } = packedShape.safeParse(value)
  if (!data) return value
  try {
    const bytes = Buffer.from(data.packed, 'base64')
    return JSON.parse(zstdDecompressSync(bytes, { maxOutputLength: UNPACKED_MAX }).toString())
  } catch {
    return value
  }
}

/** In groups of at most `size`, in order. */
export function chunks<T>(items: readonly T[], size: number = BATCH_MAX): T[][] {
  const result: T[][] = []
  for (let i = 0; i < items.length; i += size) result.push(items.slice(i, i + size))
  return result
}
