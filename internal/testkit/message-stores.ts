import { expect } from '@jest/globals'
import type cassandra from 'cassandra-driver'
import type pg from 'pg'
import type { LogRecord } from '../domain/change.ts'
import { type ConversationId, newOperationId } from '../domain/ids.ts'
import type { ArchiveWriter } from '../relay/ports.ts'
import { Relay } from '../relay/relay.ts'
import { createCassandraClient } from '../repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../repository/cassandra/message-archive.ts'
import { PostgresConversations } from '../repository/postgres/conversation.ts'
import { createLogPool } from '../repository/postgres/log-pool.ts'
import { PostgresMemberNames } from '../repository/postgres/member-names.ts'
import { PostgresMessageArchive } from '../repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../repository/postgres/message-log.ts'
import { NodeLock } from '../repository/postgres/node-lock.ts'
import { PostgresRelayLog } from '../repository/postgres/relay-log.ts'
import { AccessCache } from '../service/message/access-cache.ts'
import { Appender } from '../service/message/appender.ts'
import { History } from '../service/message/history.ts'
import { MessageChanges } from '../service/message/message-changes.ts'
import { Messages } from '../service/message/messages.ts'
import type { MessageArchive } from '../service/message/ports.ts'
import { LiveRecord } from './conversation-world.ts'
import { eventually } from './eventually.ts'
import { testCassandra, testPostgres } from './services.ts'

const LOG_TABLES = ['log', 'heads', 'mentions', 'pins']
const ARCHIVE_TABLES = {
  PostgreSQL: ['archived_messages', 'archived_changes', 'archived_edits', 'archived_reactions'],
  Cassandra: ['messages', 'message_changes', 'message_edits', 'message_reactions'],
} as const

/** Sending, changing and reading in this process, over the log and either archive, with the relay between them. */
export class MessageStores {
  readonly pool: pg.Pool
  readonly client: cassandra.Client | null
  readonly archive: MessageArchive & ArchiveWriter
  readonly messages: Messages
  readonly changes: MessageChanges
  readonly history: History
  /** What the archive was given, in order. */
  readonly written: LogRecord[] = []
  readonly #kind: keyof typeof ARCHIVE_TABLES
  readonly #relayPool: pg.Pool
  readonly #lock: NodeLock
  readonly #errors: unknown[] = []
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  private constructor(kind: keyof typeof ARCHIVE_TABLES, url: string, client: cassandra.Client | null) {
    this.#kind = kind
    this.client = client
    this.pool = createLogPool(url, 'test', 10)
    this.#relayPool = createLogPool(url, 'test', 4)
    this.#lock = new NodeLock(url)
    const archive = client ? new CassandraMessageArchive(client) : new PostgresMessageArchive(this.pool)
    const relay = new Relay({
      log: new PostgresRelayLog(this.#relayPool, this.#lock),
      archive: {
        write: async (records) => {
          await archive.write(records)
          this.written.push(...records)
        },
      },
      events: { publish: async () => {} },
      onError: (_, error) => this.#errors.push(error),
      onProcessed: () => {},
    })
    this.#running = relay.archive.run(this.#stop.signal, () => {})
    const log = new PostgresMessageLog(this.pool)
    const members = new PostgresConversations(this.pool)
    const history = new History(log, archive)
    const names = new PostgresMemberNames(this.pool)
    const live = new LiveRecord()
    const shared = { access: new AccessCache(members), history, names, live, relay, newOperationId }
    this.archive = archive
    this.history = history
    this.messages = new Messages({ ...shared, appender: new Appender(log) })
    this.changes = new MessageChanges({ ...shared, members, log })
  }

  static async start(kind: keyof typeof ARCHIVE_TABLES): Promise<MessageStores> {
    const { url } = await testPostgres()
    const client = kind === 'Cassandra' ? createCassandraClient(await testCassandra()) : null
    return new MessageStores(kind, url, client)
  }

  /** Everything in the log's tables and the archive's. */
  async dump(): Promise<string> {
    const { client } = this
    const found: unknown[] = []
    for (const table of LOG_TABLES) found.push(await this.#rows(table))
    for (const table of ARCHIVE_TABLES[this.#kind]) {
      found.push(client ? (await client.execute(`select * from ${table}`)).rows : await this.#rows(table))
    }
    return JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  }

  /** Resolves when the archive has all there is of a conversation. */
  async archived(id: ConversationId): Promise<void> {
    await eventually(async () => {
      const { rows } = await this.#relayPool.query(
        `select l.payload from log l join lanes k on k.follower = 'archive' and k.lane = l.lane
         where l.conversation_id = $1 and (l.xid, l.position) > (k.xid, k.position)`,
        [id],
      )
      expect({ rows, errors: this.#errors }).toEqual({ rows: [], errors: [] })
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#lock.release()
    await this.client?.shutdown()
    await Promise.all([this.pool.end(), this.#relayPool.end()])
  }

  async #rows(table: string): Promise<unknown[]> {
    return (await this.#relayPool.query(`select * from ${table}`)).rows
  }
}
