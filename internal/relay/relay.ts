import { type ChangeEntry, changeBodyOf, isChange, type LogRecord } from '../domain/change.ts'
import type { ChatEvent } from '../domain/event.ts'
import { type ConversationId, laneOf } from '../domain/ids.ts'
import { messageOf, timeOf } from '../domain/log-entry.ts'
import { LogFollower } from './follower.ts'
import type { ArchiveWriter, EventPublisher, Follower, RelayLog } from './ports.ts'
import { SharedRows } from './shared-rows.ts'

export interface RelayDeps {
  log: RelayLog
  archive: ArchiveWriter
  events: EventPublisher
  onError(follower: Follower, error: unknown): void
  onProcessed(follower: Follower, rows: number): void
}

/** The log's two followers, apart from each other so that neither's outage stops the other. */
export class Relay {
  readonly archive: LogFollower
  readonly events: LogFollower

  constructor({ log, archive, events, onError, onProcessed }: RelayDeps) {
    const source = new SharedRows(log)
    const shared = (name: Follower) => ({
      name,
      log,
      source,
      onError: (error: unknown) => onError(name, error),
      onProcessed: (rows: number) => onProcessed(name, rows),
    })
    this.archive = new LogFollower({
      ...shared('archive'),
      process: (records) => archive.write(records),
      replays: true,
      paceMs: 100,
    })
    this.events = new LogFollower({
      ...shared('events'),
      process: async (records) => {
        const found = records.flatMap(eventsOf)
        if (found.length > 0) await events.publish(found)
      },
      replays: false,
      paceMs: 50,
    })
  }

  /** A message of this conversation was committed, here or (as far as the bus tells) elsewhere. */
  wake(conversationId: ConversationId): void {
    const lane = laneOf(conversationId)
    this.archive.wake(lane)
    this.events.wake(lane)
  }
}

/** What a row tells the world outside of its conversation. */
function eventsOf(record: LogRecord): ChatEvent[] {
  if (isChange(record)) return reactionsOf(record)
  const { conversationId, era, seq } = record
  const id = `${conversationId}:${era}:s${seq}`
  return [{ id, kind: 'message', conversationId, seq, message: messageOf(record) }]
}

function reactionsOf(change: ChangeEntry): ChatEvent[] {
  if (change.kind !== 'reaction') return []
  const { messageId, authorId, emoji, added } = changeBodyOf(change)
  if (!added || emoji === null) return []
  const { conversationId, era, rev, targetSeq: seq, senderId: actorId } = change
  const id = `${conversationId}:${era}:r${rev}`
  const at = timeOf(change.stamp)
  return [{ id, kind: 'reaction', conversationId, seq, messageId, authorId, rev, actorId, emoji, at }]
}
