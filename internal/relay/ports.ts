import type { LogRecord } from '../domain/change.ts'
import type { ChatEvent } from '../domain/event.ts'

/** Where the relay hands events to whoever acts on them outside the conversation (push, mail, index). */
export interface EventPublisher {
  /**
   * Resolves once every event is stored durably and has reached at least one queue; travels as messages of
   * up to 64 events. Rejects with `dependency_unavailable` when any of them was refused, unroutable or not
   * confirmed in time; some may have arrived then, so that the caller repeats all of them: consumers see
   * events at least once. Order is not promised.
   */
  publish(events: readonly ChatEvent[]): Promise<void>
}

export type Follower = 'archive' | 'events'

/** A place in a lane: rows are ordered by transaction, then position. Both are opaque here. */
export interface LanePosition {
  xid: string
  position: string
  day: string
}

export interface LaneRow extends LanePosition {
  lane: number
  record: LogRecord
}

export interface LaneLease {
  lane: number
  /** Everything up to here is done. */
  cursor: LanePosition
  /** The cursor as it was at least 60 s ago; replaying from it makes good what a store forgot. */
  safe: LanePosition
  /** Another node had the lane before, or nobody: what it did last may not have lasted. */
  takenOver: boolean
}

/** The log as its followers see it. */
export interface RelayLog {
  /**
   * Renews this node's lanes for 10 s and takes free ones (expired, given back, or of a node that died, which
   * is known at once) up to the node's fair share; lanes above the share are given back. Answers all it has.
   */
  lease(follower: Follower): Promise<LaneLease[]>

  /** Gives lanes back, so that other nodes have them at once. */
  release(follower: Follower): Promise<void>

  /**
   * Up to `limit` rows of each lane after the place given for it, in the lane's order, of transactions below
   * the horizon: whatever commits later sorts later.
   */
  rows(lanes: readonly { lane: number; after: LanePosition }[], limit: number): Promise<LaneRow[]>

  /**
   * Moves cursors forward and renews their leases; answers the lanes that are still this node's. May be lost
   * with the database's last moments: the rows are then done again.
   */
  advance(follower: Follower, moves: readonly { lane: number; to: LanePosition }[]): Promise<Set<number>>

  /**
   * These lanes' work up to their cursors has lasted so far: what was done over 60 s ago is safe. Not to be
   * called for a lane whose store is in doubt.
   */
  settle(follower: Follower, lanes: readonly number[]): Promise<void>

  /** Lanes that have rows the follower has not done yet. */
  lanesWithWork(follower: Follower): Promise<number[]>

  /** @throws Error when a cursor is not of this database cluster, so that its lane cannot be followed. */
  check(): Promise<void>

  /** Those rows, counted up to 100,000 a lane; for operators, not for the relay. */
  backlog(follower: Follower): Promise<{ lane: number; rows: number }[]>
}

/** Where messages live when the log has forgotten them. */
export interface ArchiveWriter {
  /**
   * Writes rows under their stamps; the same row may come again, in any order.
   * @throws DomainError dependency_unavailable when a row may not be stored.
   */
  write(records: readonly LogRecord[]): Promise<void>
}

/** The log's days: made ahead, and removed when nobody needs them. */
export interface LogPartitions {
  /** Makes the partitions up to a week ahead that are not there; answers how many it made. */
  makeAhead(): Promise<number>
  /**
   * Removes days older than two full ones that both followers are safely past; answers their names. One
   * process does it at a time; what cannot be had without waiting is left for the next time.
   */
  removeOld(): Promise<string[]>
  /** @throws Error when tomorrow has no partition: from midnight on nothing could be sent. */
  check(): Promise<void>
}
