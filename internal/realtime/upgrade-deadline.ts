import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends connections that have not sent a whole request in `limitMs`: node's own `headersTimeout` is looked
 * at every 30 s only, and cannot be set on a server made elsewhere.
 */
export class UpgradeDeadline {
  readonly #server: Server
  readonly #limitMs: number
  readonly #now: () => number
  /** In order of arrival. */
  readonly #waiting = new Map<Socket, number>()
  #timer: NodeJS.Timeout | null = null

  constructor(server: Server, limitMs: number, now: () => number) {
    this.#server = server
    this.#limitMs = limitMs
    this.#now = now
  }

  start(): void {
    this.#server.on('connection', this.#connected)
    this.#server.on('request', this.#requested)
    this.#timer = setInterval(() => this.#sweep(), Math.min(1000, this.#limitMs / 2)).unref()
  }

  stop(): void {
    this.#server.off('connection', this.#connected)
    this.#server.off('request', this.#requested)
    if (this.#timer) clearInterval(this.#timer)
    this.#waiting.clear()
  }

  /** Its request has come. */
  settle(socket: Socket): void {
    this.#waiting.delete(socket)
  }

  readonly #connected = (socket: Socket): void => {
    this.#waiting.set(socket, this.#now())
  }

  readonly #requested = (request: { socket: Socket }): void => this.settle(request.socket)

  #sweep(): void {
    const before = this.#now() - this.#limitMs
    for (const [socket, since] of this.#waiting) {
      if (since > before) return
      this.#waiting.delete(socket)
      socket.destroy()
    }
  }
}
