import { type ChatEvent, eventActor, eventConversation, eventSeq, eventTime } from '../domain/event.ts'
import type { ConversationId, UserId } from '../domain/ids.ts'
import { lookAround } from './circumstances.ts'
import { compose } from './compose.ts'
import { type Decision, decide, judge } from './decide.ts'
import { type DeliverDeps, deliver, type Push } from './deliver.ts'
import { type Expanded, expand, expandSmall, LARGE_AT_ONCE, threadRoot } from './expand.ts'
import { GRACE_MS, retryDelay } from './ladder.ts'
import type {
  Circumstances,
  Device,
  DigestStore,
  EventReader,
  FollowUp,
  Names,
  NotifyTask,
  PresenceReader,
  PushReason,
  Recipient,
  RecipientReader,
  TraceWriter,
} from './ports.ts'
import { type Decided, tracesOf } from './trace.ts'
import { untilAvailable } from './until-available.ts'

export interface NotifierDeps extends Omit<DeliverDeps, 'signal'> {
  recipients: RecipientReader
  events: EventReader
  /** Null where nobody keeps presence: then nobody gets the grace of those online. */
  presence: PresenceReader | null
  /** Null where nothing is mailed. */
  digests: DigestStore | null
  traces: TraceWriter
  /** Told of every event whose handling failed, for error tracking. */
  report?: (error: unknown) => void
}

interface Judged {
  expanded: Expanded
  recipient: Recipient
  now: Circumstances
}

interface Chosen {
  task: NotifyTask
  device: Device
  reason: PushReason
  preview: boolean
}

/** Recipients decided on at once, and pushes claimed at once. */
const SLICE = 500

/** From tasks to pushes: expand, load in bulk, decide, claim, send, settle. */
export class Notifier {
  readonly #deps: NotifierDeps

  constructor(deps: NotifierDeps) {
    this.#deps = deps
  }

  /**
   * The handler of the queue. While a dependency cannot be reached it holds its tasks and tries again; any
   * other failure is one task's own: they are halved until it is alone, and goes up the ladder.
   * Rejects only on abort.
   */
  async handle(tasks: NotifyTask[], signal: AbortSignal): Promise<FollowUp[]> {
    try {
      return await untilAvailable(() => this.#process(tasks, signal), { ...this.#deps, signal })
    } catch (error) {
      if (signal.aborted) throw error
      return this.#failed(tasks, error, signal)
    }
  }

  async #failed(tasks: NotifyTask[], error: unknown, signal: AbortSignal): Promise<FollowUp[]> {
    const [task, ...others] = tasks
    if (!task) throw error
    if (others.length > 0) {
      const middle = Math.ceil(tasks.length / 2)
      const first = await this.handle(tasks.slice(0, middle), signal)
      return [...first, ...(await this.handle(tasks.slice(middle), signal))]
    }
    const { id } = task.event
    this.#deps.logger.error({ err: error, event: id, attempt: task.attempt }, 'an event could not be handled')
    this.#deps.report?.(error)
    const delayMs = retryDelay(task.attempt, null)
    if (delayMs === null) return [{ kind: 'dead', task, reason: String(error) }]
    return [{ kind: 'again', task: { ...task, attempt: task.attempt + 1 }, delayMs }]
  }

  async #process(tasks: readonly NotifyTask[], signal: AbortSignal): Promise<FollowUp[]> {
    await this.#deps.events.followThreads(tasks.flatMap(repliesOf))
    const { expanded, large } = await expandSmall(tasks, this.#deps)
    const left = await this.#notify(expanded, signal)
    for (let i = 0; i < large.length; i += LARGE_AT_ONCE) {
      const pages = await expand(large.slice(i, i + LARGE_AT_ONCE), this.#deps)
      left.push(...pages.rest, ...(await this.#notify(pages.expanded, signal)))
    }
    return merged(left)
  }

  async #notify(expanded: readonly Expanded[], signal: AbortSignal): Promise<FollowUp[]> {
    if (expanded.length === 0) return []
    const nowFor = await lookAround(expanded, this.#deps.digests !== null, this.#deps)
    const all = expanded.flatMap((each) =>
      each.recipients.map(
        (recipient): Judged => ({ expanded: each, recipient, now: nowFor(each, recipient) }),
      ),
    )
    const left: FollowUp[] = []
    for (let i = 0; i < all.length; i += SLICE)
      left.push(...(await this.#slice(all.slice(i, i + SLICE), signal)))
    return left
  }

  async #slice(judged: readonly Judged[], signal: AbortSignal): Promise<FollowUp[]> {
    const devicesOf = await this.#devices(judged)
    const left: FollowUp[] = []
    const chosen: Chosen[] = []
    const decided: Decided[] = []
    for (const { expanded, recipient, now } of judged) {
      const { task } = expanded
      const own = devicesOf(expanded, recipient.userId)
      const decisions = decide(task.event, recipient, own, now)
      decided.push({ task, recipient, decisions })
      for (const decision of decisions) {
        if (decision.outcome === 'wait') left.push(later(task, recipient.userId))
        const device = decision.outcome === 'push' ? own.find(({ id }) => id === decision.device) : undefined
        if (decision.outcome === 'push' && device) {
          const { reason, preview } = decision
          chosen.push({ task, device, reason, preview })
        }
      }
    }
    await this.#record(decided)
    const pushes = await this.#compose(chosen)
    for (let i = 0; i < pushes.length; i += SLICE) {
      left.push(...(await deliver(pushes.slice(i, i + SLICE), { ...this.#deps, signal })))
    }
    return left
  }

  /** The devices of those who may get a push; of a retry only those it is about. */
  async #devices(judged: readonly Judged[]): Promise<(of: Expanded, userId: UserId) => Device[]> {
    const wanted = judged.filter(({ expanded, recipient, now }) => {
      return expanded.devices === null && judge(expanded.task.event, recipient, now).outcome === 'push'
    })
    const users = new Set(wanted.map(({ recipient }) => recipient.userId))
    const byUser = Map.groupBy(await this.#deps.devices.ofUsers([...users]), (device) => device.userId)
    return ({ devices }, userId) =>
      devices?.filter((device) => device.userId === userId) ?? byUser.get(userId) ?? []
  }

  /** Before anything is sent, so that nothing is sent without a trace. */
  async #record(decided: readonly Decided[]): Promise<void> {
    const { observer, traces, digests, clock } = this.#deps
    await traces.record(tracesOf(decided, clock.now()))
    await digests?.note(decided.flatMap(digestsOf))
    for (const { decisions } of decided) for (const each of decisions) observer?.decided(each)
  }

  async #compose(chosen: readonly Chosen[]): Promise<Push[]> {
    const { recipients, clock } = this.#deps
    const tasks = [...new Set(chosen.map(({ task }) => task))].flatMap((task) => {
      const pair = pairOf(task.event)
      return pair ? [{ task, pair }] : []
    })
    const [names, badges] = await Promise.all([
      recipients.names(tasks.map(({ pair }) => pair)),
      recipients.unread([...new Set(chosen.map(({ device }) => device.userId))]),
    ])
    const namesOf = new Map<NotifyTask, Names | null>(tasks.map(({ task }, i) => [task, names[i] ?? null]))
    return chosen.flatMap(({ task, device, reason, preview }) => {
      const called = namesOf.get(task)
      // The conversation is gone, and with it whatever there was to tell.
      if (called === null) return []
      const badge = badges.get(device.userId) ?? 0
      const shown = { device, reason, preview, names: called ?? null, badge, nowMs: clock.now() }
      return [{ task, message: compose(task.event, shown) }]
    })
  }
}

/** Conversation and actor, whose names are shown; null where there are none. */
function pairOf(event: ChatEvent): { conversationId: ConversationId; senderId: UserId } | null {
  const conversationId = eventConversation(event)
  const senderId = eventActor(event)
  return conversationId && senderId && { conversationId, senderId }
}

function repliesOf({ event, attempt, graceOver }: NotifyTask) {
  const rootSeq = threadRoot(event)
  if (event.kind !== 'message' || rootSeq === null || attempt > 0 || graceOver) return []
  return [{ conversationId: event.conversationId, rootSeq, userId: event.message.senderId }]
}

function digestsOf({ task, recipient, decisions }: Decided) {
  const { event } = task
  const seq = eventSeq(event)
  if (event.kind !== 'message' || seq === null) return []
  return decisions.flatMap((decision: Decision) => {
    if (decision.outcome !== 'digest') return []
    const { conversationId, id: eventId } = event
    const day = eventTime(event).slice(0, 10)
    return [{ userId: recipient.userId, conversationId, seq, day, eventId, dueAtMs: decision.dueAtMs }]
  })
}

function later(task: NotifyTask, userId: UserId): FollowUp {
  const scope = { kind: 'users' as const, userIds: [userId] }
  return { kind: 'again', task: { ...task, graceOver: true, scope }, delayMs: GRACE_MS }
}

/** One waiting task per event in place of one per recipient. */
function merged(followUps: readonly FollowUp[]): FollowUp[] {
  const waiting = new Map<string, UserId[]>()
  return followUps.filter((followUp) => {
    if (followUp.kind !== 'again' || followUp.task.scope.kind !== 'users') return true
    const key = `${followUp.task.event.id} ${followUp.task.attempt} ${followUp.delayMs}`
    const known = waiting.get(key)
    if (!known) {
      waiting.set(key, followUp.task.scope.userIds)
      return true
    }
    known.push(...followUp.task.scope.userIds)
    return false
  })
}
