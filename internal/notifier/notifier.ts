import type { UserId } from '../domain/ids.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { compose } from './compose.ts'
import { type Decision, decide, judge, type Presence } from './decide.ts'
import { deliver, type Push } from './deliver.ts'
import { type Expanded, expand } from './expand.ts'
import { GRACE_MS, retryDelay } from './ladder.ts'
import type {
  ClaimStore,
  Device,
  DeviceReader,
  FollowUp,
  NotifyTask,
  PresenceReader,
  PushSender,
  Recipient,
  RecipientReader,
} from './ports.ts'
import { untilAvailable } from './until-available.ts'

export interface NotifierDeps {
  recipients: RecipientReader
  devices: DeviceReader
  claims: ClaimStore
  sender: PushSender
  /** Null where nobody keeps presence: then nobody gets the grace of those online. */
  presence: PresenceReader | null
  clock: Clock
  logger: Logger
  /** Told of every event whose handling failed, for error tracking. */
  report?: (error: unknown) => void
}

interface Judged {
  expanded: Expanded
  recipient: Recipient
  presence: Presence
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
   * other failure is one task's own: they are then handled singly, and what fails alone goes up the ladder.
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
      const result: FollowUp[] = []
      for (const each of tasks) result.push(...(await this.handle([each], signal)))
      return result
    }
    const { id } = task.event
    this.#deps.logger.error({ err: error, event: id, attempt: task.attempt }, 'an event could not be handled')
    this.#deps.report?.(error)
    const delayMs = retryDelay(task.attempt, null)
    if (delayMs === null) return [{ kind: 'dead', task, reason: String(error) }]
    return [{ kind: 'again', task: { ...task, attempt: task.attempt + 1 }, delayMs }]
  }

  async #process(tasks: readonly NotifyTask[], signal: AbortSignal): Promise<FollowUp[]> {
    const { expanded, rest } = await expand(tasks, this.#deps)
    const online = await this.#online(expanded)
    const all: Judged[] = expanded.flatMap((each) =>
      each.recipients.map((recipient) => {
        const graceOver = each.task.graceOver
        const presence = { online: online.has(recipient.userId), graceOver, nowMs: this.#deps.clock.now() }
        return { expanded: each, recipient, presence }
      }),
    )
    const left = [...rest]
    for (let i = 0; i < all.length; i += SLICE)
      left.push(...(await this.#slice(all.slice(i, i + SLICE), signal)))
    return merged(left)
  }

  /** Who is online, as far as it matters. Without an answer nobody is: a push too many beats one too few. */
  async #online(expanded: readonly Expanded[]): Promise<Set<UserId>> {
    const { presence, logger } = this.#deps
    const asked = new Set<UserId>()
    if (presence === null) return asked
    for (const { task, recipients } of expanded) {
      if (task.graceOver) continue
      for (const { userId } of recipients) if (userId !== task.event.message.senderId) asked.add(userId)
    }
    if (asked.size === 0) return asked
    try {
      return await presence.isOnline([...asked])
    } catch (error) {
      logger.warn({ err: error }, 'presence is not known; pushing without grace')
      return new Set()
    }
  }

  async #slice(judged: readonly Judged[], signal: AbortSignal): Promise<FollowUp[]> {
    const wanted = judged.filter((each) => verdictOf(each).action === 'push')
    const missing = wanted.filter(({ expanded }) => expanded.devices === null)
    const loaded = await this.#deps.devices.ofUsers([
      ...new Set(missing.map(({ recipient }) => recipient.userId)),
    ])
    const byUser = Map.groupBy(loaded, (device) => device.userId)

    const left: FollowUp[] = []
    const chosen: { task: NotifyTask; device: Device }[] = []
    for (const each of judged) {
      const { task, devices } = each.expanded
      const { userId } = each.recipient
      const own = devices?.filter((device) => device.userId === userId) ?? byUser.get(userId) ?? []
      for (const decision of decisionsOf(each, own)) {
        if (decision.action === 'later') left.push(later(task, userId))
        const device = own.find(({ id }) => id === decision.device)
        if (decision.action === 'push' && device) chosen.push({ task, device })
      }
    }
    const pushes = await this.#compose(chosen)
    for (let i = 0; i < pushes.length; i += SLICE) {
      left.push(...(await deliver(pushes.slice(i, i + SLICE), { ...this.#deps, signal })))
    }
    return left
  }

  async #compose(chosen: readonly { task: NotifyTask; device: Device }[]): Promise<Push[]> {
    const tasks = [...new Set(chosen.map(({ task }) => task))]
    const pairs = tasks.map(({ event }) => ({
      conversationId: event.conversationId,
      senderId: event.message.senderId,
    }))
    const [names, badges] = await Promise.all([
      this.#deps.recipients.names(pairs),
      this.#deps.recipients.unread([...new Set(chosen.map(({ device }) => device.userId))]),
    ])
    const namesOf = new Map(tasks.map((task, i) => [task, names[i] ?? null]))
    return chosen.flatMap(({ task, device }) => {
      const called = namesOf.get(task)
      // The conversation is gone, and with it whatever there was to tell.
      if (!called) return []
      const badge = badges.get(device.userId) ?? null
      return [{ task, message: compose(task.event, { device, names: called, badge }) }]
    })
  }
}

function verdictOf({ expanded: { task }, recipient, presence }: Judged) {
  return judge(task.event, recipient, recipient, presence, recipient)
}

function decisionsOf({ expanded: { task }, recipient, presence }: Judged, devices: Device[]): Decision[] {
  return decide(task.event, { ...recipient, devices }, recipient, presence, recipient)
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
