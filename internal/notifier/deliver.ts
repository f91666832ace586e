import { eventConversation, eventSeq, eventTime } from '../domain/event.ts'
import type { DeviceId } from '../domain/push.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { CLAIM_LEASE_MS, retryDelay } from './ladder.ts'
import type {
  Claim,
  ClaimStore,
  DelayMs,
  DeviceReader,
  FollowUp,
  NotifyTask,
  Observer,
  PushMessage,
  PushSender,
  SendOutcome,
  Settlement,
  ShownWriter,
} from './ports.ts'
import { untilAvailable } from './until-available.ts'

/** A push that was decided on. */
export interface Push {
  task: NotifyTask
  message: PushMessage
}

export interface DeliverDeps {
  claims: ClaimStore
  devices: DeviceReader
  sender: PushSender
  shown: ShownWriter
  clock: Clock
  logger: Logger
  observer?: Observer
  /** How old a claim without an outcome is when it belongs to nobody alive. */
  claimLeaseMs?: DelayMs
  signal: AbortSignal
}

/** What is left to do for one device; null when nothing is. */
type Left = { delayMs: DelayMs; attempt: number } | { dead: string } | null

/**
 * Claims, sends and records at most 500 pushes, and says what is left. A claim is taken immediately before
 * the call, so that whatever was sent has a row, and a row without outcome was sent at most once more.
 */
export async function deliver(pushes: readonly Push[], deps: DeliverDeps): Promise<FollowUp[]> {
  const claims = pushes.map(claimOf)
  const leaseMs = deps.claimLeaseMs ?? CLAIM_LEASE_MS
  const results = await deps.claims.claim(claims, leaseMs)
  const left: Left[] = pushes.map(() => null)
  const taken: { place: number; push: Push; claim: Claim; repeated: boolean }[] = []
  const settlements: Settlement[] = []
  for (const [place, push] of pushes.entries()) {
    const result = results[place]
    const claim = claims[place]
    if (!result || !claim) continue
    if (result.kind === 'claimed') taken.push({ place, push, claim, repeated: result.repeated })
    if (result.kind === 'busy') left[place] = { delayMs: leaseMs, attempt: push.task.attempt }
    if (result.kind === 'pending') left[place] = again(push.task, null, 'lost before its retry was queued')
    if (result.kind === 'unknown') {
      left[place] = { dead: 'outcome unknown twice' }
      settlements.push({ claim, state: 'dead', reason: 'outcome unknown twice', unknown: false })
    }
  }
  if (taken.some(({ repeated }) => repeated)) {
    deps.logger.warn(
      { pushes: taken.filter(({ repeated }) => repeated).length },
      'repeating pushes of unknown outcome',
    )
  }
  const outcomes = taken.length > 0 ? await deps.sender.send(taken.map(({ push }) => push.message)) : []
  for (const [i, { place, push, claim, repeated }] of taken.entries()) {
    const outcome = outcomes[i] ?? { kind: 'unknown', reason: 'no outcome reported' }
    const then = next(push.task, outcome, repeated)
    left[place] = then
    settlements.push(settlement(claim, outcome, then))
  }
  report(taken, outcomes, deps)
  const gone = taken.filter((_, i) => outcomes[i]?.kind === 'gone').map(({ push }) => push.message.device)
  // What was sent is not handled again for the sake of a database that is away: that would send it twice.
  await untilAvailable(() => deps.claims.settle(settlements), deps)
  await untilAvailable(() => deps.devices.forget(gone), deps)
  const sent = taken.filter((_, i) => outcomes[i]?.kind === 'sent').flatMap(({ push }) => shownBy(push))
  await untilAvailable(() => deps.shown.note(sent), deps)
  return followUps(pushes, left)
}

function report(
  taken: readonly { push: Push }[],
  outcomes: readonly SendOutcome[],
  { clock, observer }: DeliverDeps,
): void {
  for (const [i, { push }] of taken.entries()) {
    const sinceMs = clock.now() - Date.parse(eventTime(push.task.event))
    observer?.attempted(outcomes[i]?.kind ?? 'unknown', sinceMs)
  }
}

/** What stays on the device until it is read. */
function shownBy({ task: { event }, message: { device } }: Push) {
  if (event.kind !== 'message') return []
  const { conversationId, seq } = event
  return [{ userId: device.userId, conversationId, seq }]
}

function claimOf({ task: { event, attempt }, message: { device } }: Push): Claim {
  return {
    day: eventTime(event).slice(0, 10),
    eventId: event.id,
    deviceId: device.id,
    userId: device.userId,
    conversationId: eventConversation(event),
    seq: eventSeq(event),
    attempt,
  }
}

function again(task: NotifyTask, afterMs: number | null, reason: string): Left {
  const delayMs = retryDelay(task.attempt, afterMs)
  return delayMs === null ? { dead: reason } : { delayMs, attempt: task.attempt + 1 }
}

function next(task: NotifyTask, outcome: SendOutcome, repeated: boolean): Left {
  if (outcome.kind === 'retry') return again(task, outcome.afterMs, outcome.reason)
  if (outcome.kind !== 'unknown') return null
  return repeated ? { dead: `outcome unknown twice: ${outcome.reason}` } : again(task, null, outcome.reason)
}

function settlement(claim: Claim, outcome: SendOutcome, left: Left): Settlement {
  const reason = outcome.kind === 'sent' ? null : outcome.reason
  const unknown = outcome.kind === 'unknown'
  if (outcome.kind === 'sent' || outcome.kind === 'gone' || outcome.kind === 'dropped') {
    return { claim, state: outcome.kind, reason, unknown }
  }
  return { claim, state: left && 'dead' in left ? 'dead' : 'retry', reason, unknown }
}

/** One follow-up for all devices of a task that share their fate. */
function followUps(pushes: readonly Push[], left: readonly Left[]): FollowUp[] {
  const groups = new Map<NotifyTask, Map<string, { left: NonNullable<Left>; deviceIds: DeviceId[] }>>()
  for (const [place, { task, message }] of pushes.entries()) {
    const fate = left[place]
    if (!fate) continue
    const ofTask = groups.get(task) ?? new Map<string, { left: NonNullable<Left>; deviceIds: DeviceId[] }>()
    groups.set(task, ofTask)
    const key = JSON.stringify(fate)
    const group = ofTask.get(key)
    if (group) group.deviceIds.push(message.device.id)
    else ofTask.set(key, { left: fate, deviceIds: [message.device.id] })
  }
  return [...groups].flatMap(([task, ofTask]) =>
    [...ofTask.values()].map(({ left: fate, deviceIds }): FollowUp => {
      const of: NotifyTask = { ...task, graceOver: true, scope: { kind: 'devices', deviceIds } }
      if ('dead' in fate) return { kind: 'dead', task: of, reason: fate.dead }
      return { kind: 'again', task: { ...of, attempt: fate.attempt }, delayMs: fate.delayMs }
    }),
  )
}
