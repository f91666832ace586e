import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { OrderedStream } from '../../realtime/index.ts'
import type { RemovalReason } from '../../service/live/ports.ts'
import type { RowEntry } from './live-entry.ts'
import { type LiveDirectory, pagesOf } from './live-views.ts'
import { type Room, type Rooms, usersIn } from './rooms.ts'

export interface MemberChecksDeps {
  stream: OrderedStream<RowEntry>
  rooms: Rooms
  directory: LiveDirectory
  remove(id: ConversationId, userId: UserId, reason: RemovalReason, memberVersion: number): void
  /** The user was removed and came back: what their sockets have of the conversation is to be fetched anew. */
  restart(room: Room, userId: UserId): void
  onError(error: unknown): void
}

/** Rooms looked up at a time: one act may put a user's thousands of rooms in doubt. */
const MAX_RUNNING = 16
const RETRY_MS = 1000

/** Looks up who of those in a room still is a member. */
export class MemberChecks {
  readonly #deps: MemberChecksDeps
  readonly #waiting = new Map<ConversationId, Room>()
  readonly #retries = new Set<NodeJS.Timeout>()
  #running = 0

  constructor(deps: MemberChecksDeps) {
    this.#deps = deps
  }

  /** Nothing is delivered in the room until its members are known as of this version at least. */
  want(id: ConversationId, room: Room, memberVersion: number): void {
    room.wantedVersion = Math.max(room.wantedVersion, memberVersion)
    room.isInDoubt = true
    room.doubts++
    if (room.isReloading) return
    room.isReloading = true
    this.#waiting.set(id, room)
    this.#next()
  }

  stop(): void {
    this.#waiting.clear()
    for (const timer of this.#retries) clearTimeout(timer)
  }

  #next(): void {
    for (const [id, room] of this.#waiting) {
      if (this.#running >= MAX_RUNNING) return
      this.#waiting.delete(id)
      this.#running++
      this.#check(id, room)
        .catch((error: unknown) => {
          this.#deps.onError(error)
          this.#retry(id, room)
        })
        .finally(() => {
          this.#running--
          this.#next()
        })
    }
  }

  #retry(id: ConversationId, room: Room): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer)
      this.#waiting.set(id, room)
      this.#next()
    }, RETRY_MS).unref()
    this.#retries.add(timer)
  }

  async #check(id: ConversationId, room: Room): Promise<void> {
    const { rooms, stream } = this.#deps
    for (let seen = -1, isDone = false; rooms.get(id) === room && !(isDone && seen === room.doubts); ) {
      seen = room.doubts
      isDone = await this.#look(id, room)
    }
    room.isReloading = false
    room.isInDoubt = false
    if (rooms.get(id) === room) stream.resume(id)
  }

  /** True when all who are here now were looked up. */
  async #look(id: ConversationId, room: Room): Promise<boolean> {
    const { rooms, directory, remove, restart } = this.#deps
    const asked = usersIn(room)
    // Whatever is wanted by now was committed before it was heard of, so that the store knows it.
    let version = room.wantedVersion
    for (const page of pagesOf(asked)) {
      const found = await directory.membersAmong(id, page)
      if (rooms.get(id) !== room) return true
      const reason = found ? 'removed' : 'deleted'
      for (const userId of page) {
        const joinedSeq = found?.joinedSeqs.get(userId)
        if (joinedSeq === undefined) remove(id, userId, reason, found?.memberVersion ?? version)
        // Who was here before that came back in between: each coming and going is a row, and none was delivered.
        else if (room.at && joinedSeq > room.at.seq) restart(room, userId)
      }
      if (found && page.length === asked.size) version = Math.max(version, found.memberVersion)
    }
    room.memberVersion = Math.max(room.memberVersion ?? 0, version)
    return [...usersIn(room)].every((userId) => asked.has(userId))
  }
}
