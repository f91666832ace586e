import { eventConversation, eventSeq, eventTime } from '../domain/event.ts'
import type { Decision } from './decide.ts'
import type { NotifyTask, Recipient, TraceRecord } from './ports.ts'

/** What was decided for one recipient of one task. */
export interface Decided {
  task: NotifyTask
  recipient: Recipient
  decisions: readonly Decision[]
}

/**
 * One record per task. Left out is what nobody asks about: that a sender is not told of what they sent, and
 * what clears badges; and of retries what was decided before, as the claims tell their attempts.
 */
export function tracesOf(decided: readonly Decided[], nowMs: number): TraceRecord[] {
  const records = new Map<NotifyTask, TraceRecord>()
  for (const { task, recipient, decisions } of decided) {
    if (task.event.kind === 'read') continue
    const entries = decisions
      .filter(({ outcome, reason }) => reason !== 'sender' && !(task.attempt > 0 && outcome === 'push'))
      .map(({ channel, device, outcome, reason }) => ({ channel, device, outcome, reason }))
    if (entries.length === 0) continue
    const known = records.get(task)
    if (known) known.users.push({ userId: recipient.userId, entries })
    else records.set(task, { ...headOf(task), atMs: nowMs, users: [{ userId: recipient.userId, entries }] })
  }
  return [...records.values()]
}

function headOf({ event, attempt, graceOver }: NotifyTask): Omit<TraceRecord, 'atMs' | 'users'> {
  return {
    day: eventTime(event).slice(0, 10),
    eventId: event.id,
    pass: attempt * 2 + (graceOver ? 1 : 0),
    kind: event.kind,
    conversationId: eventConversation(event),
    seq: eventSeq(event),
  }
}
