import { type ChatEvent, eventActor, eventTime } from '../domain/event.ts'
import type { UserId } from '../domain/ids.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import type { Expanded } from './expand.ts'
import type { Circumstances, EventReader, Happening, PresenceReader, Recipient } from './ports.ts'

export interface CircumstancesDeps {
  events: EventReader
  /** Null where nobody keeps presence: then nobody gets the grace of those online. */
  presence: PresenceReader | null
  clock: Clock
  logger: Logger
}

/** What is known at the moment of deciding about each recipient of each task, asked for all of them at once. */
export async function lookAround(
  expanded: readonly Expanded[],
  mailing: boolean,
  deps: CircumstancesDeps,
): Promise<(of: Expanded, recipient: Recipient) => Circumstances> {
  const [online, since] = await Promise.all([
    whoIsOnline(expanded, deps),
    sinceThen(
      expanded.map(({ task }) => task.event),
      deps.events,
    ),
  ])
  const nowMs = deps.clock.now()
  return ({ task }, { userId }) => {
    const { deleted = false, withdrawn = false } = since.get(task.event) ?? {}
    const { graceOver } = task
    return { nowMs, online: online.has(userId), graceOver, deleted, withdrawn, mailing }
  }
}

/** Who is online, as far as it matters. Without an answer nobody is: a push too many beats one too few. */
async function whoIsOnline(
  expanded: readonly Expanded[],
  { presence, logger }: CircumstancesDeps,
): Promise<Set<UserId>> {
  const asked = new Set<UserId>()
  if (presence === null) return asked
  for (const { task, recipients } of expanded) {
    if (task.graceOver) continue
    const actorId = eventActor(task.event)
    for (const { userId } of recipients) if (userId !== actorId) asked.add(userId)
  }
  if (asked.size === 0) return asked
  try {
    return await presence.isOnline([...asked])
  } catch (error) {
    logger.warn({ err: error }, 'presence is not known; pushing without grace')
    return new Set()
  }
}

async function sinceThen(
  events: readonly ChatEvent[],
  reader: EventReader,
): Promise<Map<ChatEvent, { deleted: boolean; withdrawn: boolean }>> {
  const asked = events.flatMap((event) => {
    const happening = happeningOf(event)
    return happening ? [{ event, happening }] : []
  })
  const found = await reader.since(asked.map(({ happening }) => happening))
  return new Map(
    asked.map(({ event }, i) => [event, found[i] ?? { deleted: false, withdrawn: false }] as const),
  )
}

function happeningOf(event: ChatEvent): Happening | null {
  if (event.kind !== 'message' && event.kind !== 'reaction') return null
  const { conversationId, seq } = event
  const day = eventTime(event).slice(0, 10)
  if (event.kind === 'reaction') return { conversationId, seq, rev: event.rev, reactorId: event.actorId, day }
  return { conversationId, seq, rev: event.message.rev, reactorId: null, day }
}
