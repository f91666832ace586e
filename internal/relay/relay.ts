import type { ChatEvent } from '../domain/event.ts'
import { type ConversationId, laneOf } from '../domain/ids.ts'
import { type LogEntry, messageOf } from '../domain/log-entry.ts'
import { LogFollower } from './follower.ts'
import type { ArchiveWriter, EventPublisher, Follower, RelayLog } from './ports.ts'

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
    const shared = (name: Follower) => ({
      name,
      log,
      onError: (error: unknown) => onError(name, error),
      onProcessed: (rows: number) => onProcessed(name, rows),
    })
    this.archive = new LogFollower({
      ...shared('archive'),
      process: (entries) => archive.write(entries),
      replays: true,
      paceMs: 20,
    })
    this.events = new LogFollower({
      ...shared('events'),
      process: (entries) => events.publish(entries.map(eventOf)),
      replays: false,
      paceMs: 5,
    })
  }

  /** A message of this conversation was committed, here or (as far as the bus tells) elsewhere. */
  wake(conversationId: ConversationId): void {
    const lane = laneOf(conversationId)
    this.archive.wake(lane)
    this.events.wake(lane)
  }
}

function eventOf(entry: LogEntry): ChatEvent {
  return {
    id: `${entry.conversationId}:${entry.era}:s${entry.seq}`,
    kind: 'message',
    conversationId: entry.conversationId,
    seq: entry.seq,
    message: messageOf(entry),
  }
}
