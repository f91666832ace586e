import { randomInt } from 'node:crypto'
import pg from 'pg'
import { unavailable } from '../../domain/errors.ts'

const CONNECT_TIMEOUT_MS = 2000

/**
 * Shows the other nodes that this process lives: an advisory lock under a random key, held by a connection
 * of its own, which PostgreSQL releases the moment the process dies. After a lost connection the node goes
 * on under a new key, as one that died and came back.
 */
export class NodeLock {
  /** First half of the lock's name, the same for all nodes. */
  static readonly CLASS = 0x5243

  readonly #url: string
  #held: Promise<number> | null = null
  #client: pg.Client | null = null

  constructor(url: string) {
    this.#url = url
  }

  /** @throws DomainError dependency_unavailable when no lock can be had. */
  key(): Promise<number> {
    this.#held ??= this.#acquire().catch((error: unknown) => {
      this.#held = null
      throw unavailable('PostgreSQL', error)
    })
    return this.#held
  }

  async release(): Promise<void> {
    await this.#client?.end()
  }

  async #acquire(): Promise<number> {
    const key = randomInt(1, 2 ** 31)
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'realchat:node',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    })
    const lost = () => {
      if (this.#client === client) this.#held = null
    }
    client.on('error', lost)
    client.on('end', lost)
    await client.connect()
    await client.query('select pg_advisory_lock($1, $2)', [NodeLock.CLASS, key])
    this.#client = client
    return key
  }
}
