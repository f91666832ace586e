import type { DelayMs, FollowUp, NotifyTask } from '../notifier/ports.ts'
import { chunks, type DeadTask, type Envelope, envelopeOf } from './codec.ts'

/** Messages to publish for the follow-ups of one batch. */
export interface Outgoing {
  again: { delayMs: DelayMs; envelope: Envelope }[]
  dead: DeadTask[]
}

/**
 * Retries travel alone and stay so, so that one that is poison cannot hold others; tasks that merely wait for the grace
 * period stay together, as they are as many as there are messages.
 */
export function outgoing(followUps: readonly FollowUp[]): Outgoing {
  const result: Outgoing = { again: [], dead: [] }
  const waiting = new Map<DelayMs, NotifyTask[]>()
  for (const followUp of followUps) {
    if (followUp.kind === 'dead') {
      result.dead.push({ task: followUp.task, reason: followUp.reason })
    } else if (followUp.task.attempt === 0 && followUp.task.scope.kind === 'users') {
      const together = waiting.get(followUp.delayMs)
      if (together) together.push(followUp.task)
      else waiting.set(followUp.delayMs, [followUp.task])
    } else {
      const { task, delayMs } = followUp
      // What is left of a large group is no retry.
      const isFirst = task.attempt === 0 && task.scope.kind === 'members'
      result.again.push({ delayMs, envelope: envelopeOf([task], !isFirst) })
    }
  }
  for (const [delayMs, tasks] of waiting) {
    for (const together of chunks(tasks)) result.again.push({ delayMs, envelope: envelopeOf(together) })
  }
  return result
}
