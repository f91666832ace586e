import { once } from 'node:events'
import type { Server } from 'node:http'
import { aborted, type Component } from './lifecycle.ts'
import type { Logger } from './logger.ts'

/** Open requests have this long to be answered once the server stops. */
const FINISH_MS = 5000
/**
 * Connections that wait to be accepted, as far as the system allows (net.core.somaxconn). Node's 511 are full when
 * a node's sockets come back at once, and whoever finds them full hears nothing for up to a minute.
 */
const BACKLOG = 65_535

export interface Listening {
  host: string
  port: number
  /** Other processes may listen on the same port; the kernel spreads connections over them. */
  reusePort?: boolean
}

/** An HTTP server as a part of the process: listens while it runs, finishes open requests when it stops. */
export class HttpListener implements Component {
  readonly name = 'http'
  readonly #server: Server
  readonly #listen: Listening
  readonly #logger: Logger

  constructor(server: Server, listen: Listening, logger: Logger) {
    this.#server = server
    this.#listen = listen
    this.#logger = logger
  }

  /** The port that is listened on, once ready (0 asks for a free one). */
  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    this.#server.listen({ ...this.#listen, backlog: BACKLOG })
    await once(this.#server, 'listening')
    this.#logger.info({ host: this.#listen.host, port: this.port }, 'listening')
    ready()
    await aborted(signal)
    const closed = once(this.#server, 'close')
    this.#server.close()
    const overdue = setTimeout(() => this.#server.closeAllConnections(), FINISH_MS)
    await closed
    clearTimeout(overdue)
  }
}
