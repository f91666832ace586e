import { z } from 'zod'
import type { ChatEvent } from '../domain/event.ts'
import type { UserId } from '../domain/ids.ts'
import { isUuid } from '../domain/ids.ts'
import type { DeviceId } from '../domain/push.ts'
import type { NotifyTask } from '../notifier/ports.ts'

/** Events, or tasks, that travel in one message at most. */
export const BATCH_MAX = 64

/** Recipients of one page: what a scope lists at most. */
const SCOPE_MAX = 10_000

const userId = z.custom<UserId>((value) => typeof value === 'string' && isUuid(value))
const deviceId = z.custom<DeviceId>((value) => typeof value === 'string' && isUuid(value))

/** What a consumer rests on; the rest of an event passes unread, and is what our own relay wrote. */
const eventShape = z.looseObject({
  id: z.string().min(1).max(200),
  kind: z.literal('message'),
  conversationId: z.string(),
  seq: z.int().positive(),
  message: z.looseObject({
    id: z.string(),
    senderId: z.string(),
    type: z.enum(['text', 'media', 'system']),
    content: z.string(),
    mentions: z.object({ userIds: z.array(z.string()), all: z.boolean() }),
    createdAt: z.iso.datetime(),
  }),
})
const event = z.custom<ChatEvent>((value) => eventShape.safeParse(value).success)

const task = z.object({
  event,
  attempt: z.int().min(0).max(100),
  graceOver: z.boolean(),
  scope: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('members'), after: userId.nullable() }),
    z.object({ kind: z.literal('users'), userIds: z.array(userId).max(SCOPE_MAX) }),
    z.object({ kind: z.literal('devices'), deviceIds: z.array(deviceId).max(SCOPE_MAX) }),
  ]),
})
const envelope = z.object({ version: z.literal(1), tasks: z.array(task).min(1).max(BATCH_MAX) })

/** What a queue's message holds. */
export interface Envelope {
  version: 1
  tasks: NotifyTask[]
}

export interface DeadTask {
  task: NotifyTask
  reason: string
}

/** An event that nobody has handled yet. */
export function firstTask(event: ChatEvent): NotifyTask {
  return { event, attempt: 0, graceOver: false, scope: { kind: 'members', after: null } }
}

export function envelopeOf(tasks: readonly NotifyTask[]): Envelope {
  return { version: 1, tasks: [...tasks] }
}

/** The tasks of a message, or null when it is not one of ours. */
export function parseEnvelope(value: unknown): NotifyTask[] | null {
  const result = envelope.safeParse(value)
  return result.success ? result.data.tasks : null
}

/** In groups of at most `size`, in order. */
export function chunks<T>(items: readonly T[], size: number = BATCH_MAX): T[][] {
  const result: T[][] = []
  for (let i = 0; i < items.length; i += size) result.push(items.slice(i, i + size))
  return result
}
