import type { AppliedChange } from '../../domain/change.ts'
import type { ClientId, ConversationId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import { Relay } from '../../relay/relay.ts'
import type { LiveEvents } from '../../service/live/ports.ts'
import { AccessCache } from '../../service/message/access-cache.ts'
import { Appender } from '../../service/message/appender.ts'
import { History } from '../../service/message/history.ts'
import { MessageChanges } from '../../service/message/message-changes.ts'
import { Messages } from '../../service/message/messages.ts'
import type {
  AccessReader,
  MemberNames,
  MessageArchive,
  MessageLog,
  RoleReader,
} from '../../service/message/ports.ts'
import type { ModelArchive } from './archive.ts'
import type { ModelDatabase } from './database.ts'
import { type ModelLanes, ModelRelayLog } from './lanes.ts'
import { ModelLog } from './log.ts'
import type { ModelQueue } from './queue.ts'

export interface Stores {
  db: ModelDatabase
  lanes: ModelLanes
  archive: ModelArchive
  queue: ModelQueue
}

/** What a node tells of by itself. */
export interface Told {
  created(message: Message): void
  changed(change: AppliedChange): void
}

/** One API process: the real classes on the model's stores. What a dead one asked for is never answered. */
export class ModelNode {
  readonly key: string
  /** What shows the others that it lives; lost with its connection to the database. */
  lock: string
  readonly messages: Messages
  readonly changes: MessageChanges
  readonly history: History
  /** For pages alone: those show what the order of reading is for. */
  readonly pages: History
  readonly relay: Relay
  /** Rejects when the node dies, as its clients' connections do. */
  readonly death: Promise<never>
  isAlive = true
  readonly #died = Promise.withResolvers<never>()
  readonly #stores: Stores

  constructor(
    key: string,
    stores: Stores,
    aliveKeys: () => readonly string[],
    newOperationId: () => ClientId,
    told: Told,
  ) {
    this.key = key
    this.lock = key
    this.#stores = stores
    this.death = this.#died.promise
    this.death.catch(() => {})
    const { db, lanes, queue } = stores
    const log = this.#reached<MessageLog>(new ModelLog(db, lanes, key))
    const archive = this.#reached(stores.archive)
    this.relay = new Relay({
      log: this.#reached(new ModelRelayLog(db, lanes, () => this.lock, aliveKeys)),
      archive,
      events: this.#reached(queue),
      onError: () => {},
      onProcessed: () => {},
    })
    const names: MemberNames = { named: async () => [] }
    const members = this.#reached(membersOf(db))
    const access = new AccessCache(members)
    this.history = new History(log, archive)
    this.pages = this.#pagesOf(log, archive, this.history)
    const shared = {
      access,
      names,
      history: this.history,
      live: liveOf(told),
      relay: this.relay,
      newOperationId,
    }
    this.messages = new Messages({ ...shared, appender: new Appender(log) })
    this.changes = new MessageChanges({ ...shared, members, log })
  }

  start(): void {
    const { signal } = new AbortController()
    for (const follower of [this.relay.archive, this.relay.events]) {
      follower.run(signal, () => {}).catch((error: unknown) => this.#died.reject(error))
    }
  }

  /** As by kill -9: what it asked the database for may be carried out or not. */
  kill(): void {
    this.isAlive = false
    this.#died.reject(new Error(`${this.key} was killed`))
    this.#stores.db.terminate(this.key)
  }

  /** As when the database ended all connections: from then on it is another one to the followers' leases. */
  renewLock(): void {
    this.lock += "'"
  }

  /** With the archive read before the log, or without the second look into the log, when those rules are out. */
  #pagesOf(log: MessageLog, archive: MessageArchive, history: History): History {
    const { tailFirst, logHelpsOut } = this.#stores.db.rules
    if (tailFirst && logHelpsOut) return history
    const readers = replacing(log, logHelpsOut ? {} : { entries: async () => [] })
    if (tailFirst) return new History(readers, archive)
    let before = this.#stores.archive.copy()
    const window: MessageLog['window'] = async (...asked) => {
      const copy = this.#stores.archive.copy()
      await this.#stores.db.schedule.turn()
      const found = await log.window(...asked)
      before = copy
      return found
    }
    const range: MessageArchive['range'] = (...asked) => before.range(...asked)
    return new History(replacing(readers, { window }), replacing(archive, { range }))
  }

  /** A store as this node reaches it while it lives. */
  #reached<Port extends object>(port: Port): Port {
    const isAlive = () => this.isAlive
    return new Proxy(port, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return async (...values: unknown[]) => {
          if (!isAlive()) return new Promise(() => {})
          try {
            const result: unknown = await value.apply(target, values)
            return isAlive() ? result : new Promise(() => {})
          } catch (error) {
            if (!isAlive()) return new Promise(() => {})
            throw error
          }
        }
      },
    })
  }
}

function replacing<Port extends object>(port: Port, others: Partial<Port>): Port {
  return new Proxy(port, { get: (target, name) => Reflect.get(others, name) ?? Reflect.get(target, name) })
}

function membersOf(db: ModelDatabase): AccessReader & RoleReader {
  return {
    async access(conversationId: ConversationId) {
      await db.schedule.turn()
      const memberVersion = db.heads.get(conversationId)?.memberVersion ?? 0
      const policies = { postPolicy: 'everyone', invitePolicy: 'everyone', infoPolicy: 'everyone' } as const
      return { role: 'owner', kind: 'group', memberVersion, isBlocked: false, messageTtl: null, ...policies }
    },
    async roleOf() {
      await db.schedule.turn()
      return 'owner'
    },
  }
}

function liveOf({ created, changed }: Told): LiveEvents {
  const ignore = () => {}
  return {
    messageCreated: created,
    messageChanged: changed,
    messageHidden: ignore,
    conversationCreated: ignore,
    membersChanged: ignore,
    conversationUpdated: ignore,
    conversationDeleted: ignore,
    preferencesChanged: ignore,
    receiptMoved: ignore,
    blocksChanged: ignore,
    settingsUpdated: ignore,
  }
}
