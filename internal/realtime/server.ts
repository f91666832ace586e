import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Server, WebSocketServer } from 'ws'
import type { CloseCode } from './close-codes.ts'
import { type ConnectionShared, PhoenixSocket, SocketConnection } from './connection.ts'
import { ConnectionIndex } from './connections.ts'
import { Dispatcher } from './dispatcher.ts'
import { drain } from './drain.ts'
import { FlushScheduler } from './flush.ts'
import { type Admission, UpgradeGate } from './gate.ts'
import * as limits from './limits.ts'
import { Liveness } from './liveness.ts'
import { refusal, refusalOf } from './refusal.ts'
import type { RealtimeServerOptions, SocketLimits } from './server-options.ts'
import type { Connection } from './topic.ts'
import { UpgradeDeadline } from './upgrade-deadline.ts'
import { writeRefusal } from './upgrade-refusal.ts'

const DEFAULT_LIMITS: SocketLimits = {
  socketsPerKey: 0,
  socketsPerAddress: 0,
  channelsPerSocket: limits.MAX_CHANNELS,
  inFlightPerSocket: limits.MAX_IN_FLIGHT,
  messageBytes: limits.MAX_MESSAGE_BYTES,
  silenceMs: limits.SILENCE_MS,
  tickMs: 1000,
  upgradeMs: limits.UPGRADE_MS,
  drainMs: limits.DRAIN_MS,
  backPressure: limits.BACK_PRESSURE,
}

/** Milliseconds a peer has to answer a close before its connection is cut. */
const CLOSE_TIMEOUT_MS = 5000

/** Phoenix Channels on a node http server: it serves from `ready` on, and has drained when `run` resolves. */
export class RealtimeServer<Actor> {
  readonly name = 'realtime'
  readonly counters = new limits.Counters()
  readonly #options: RealtimeServerOptions<Actor>
  readonly #limits: SocketLimits
  readonly #index: ConnectionIndex<Actor>
  readonly #gate: UpgradeGate<Actor>
  readonly #liveness: Liveness
  readonly #shared: ConnectionShared<Actor>
  readonly #sockets: Server<typeof PhoenixSocket>
  #connected = 0

  constructor(options: RealtimeServerOptions<Actor>) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    const now = options.now ?? Date.now
    this.#index = new ConnectionIndex(options.keyOf)
    this.#gate = new UpgradeGate(options, this.#limits, this.#index)
    this.#liveness = new Liveness({ now, silenceMs: this.#limits.silenceMs, tickMs: this.#limits.tickMs })
    const dispatcher = new Dispatcher({
      ...options,
      counters: this.counters,
      maxChannels: this.#limits.channelsPerSocket,
      maxInFlight: this.#limits.inFlightPerSocket,
    })
    this.#shared = {
      now,
      liveness: this.#liveness,
      flusher: new FlushScheduler(),
      backPressure: this.#limits.backPressure,
      counters: this.counters,
      receive: (connection, text) => dispatcher.receive(connection, text),
      onClosed: (connection) => this.#closed(connection),
    }
    // Unknown to @types/ws as yet, hence not a literal in the call.
    const untyped = {
      closeTimeout: CLOSE_TIMEOUT_MS,
      maxFragments: limits.MAX_FRAGMENTS,
      maxBufferedChunks: limits.MAX_CHUNKS,
    }
    this.#sockets = new WebSocketServer({
      ...untyped,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#limits.messageBytes,
      WebSocket: PhoenixSocket,
    })
  }

  get size(): number {
    return this.#index.all.size
  }

  get connections(): Iterable<Connection<Actor>> {
    return this.#index.all
  }

  /** The sockets of this node that belong to one actor key. */
  connectionsOf(key: string): ReadonlySet<Connection<Actor>> {
    return this.#index.of(key)
  }

  /**
   * Closes the sockets whose actor answers to `predicate`, of one key or of all; upgrades in progress that
   * turn out to be such an actor are refused. Answers how many were open.
   */
  closeWhere(predicate: (actor: Actor) => boolean, code: CloseCode, key?: string): number {
    this.#gate.veto(predicate)
    const among = key === undefined ? this.#index.all : this.#index.of(key)
    const matching = [...among].filter(({ actor }) => predicate(actor))
    for (const connection of matching) connection.close(code)
    return matching.length
  }

  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { http, random = Math.random } = this.#options
    const deadline = new UpgradeDeadline(http, this.#limits.upgradeMs, this.#shared.now)
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (socket instanceof Socket) deadline.settle(socket)
      this.#upgrade(request, socket, head).catch((error: unknown) => {
        socket.destroy()
        this.#options.onError(error, { topic: '', event: 'upgrade', connectionId: '' })
      })
    }
    this.#gate.isDraining = false
    http.on('upgrade', onUpgrade)
    deadline.start()
    this.#liveness.start()
    ready()
    if (!signal.aborted) await once(signal, 'abort')
    this.#gate.isDraining = true
    await drain(this.#index.all, { spreadMs: this.#limits.drainMs, random })
    http.off('upgrade', onUpgrade)
    deadline.stop()
    this.#liveness.stop()
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const cut = () => socket.destroy()
    const overdue = setTimeout(cut, this.#limits.upgradeMs)
    socket.on('error', cut)
    const settled = () => clearTimeout(overdue)
    socket.once('close', settled)
    try {
      const admission = await this.#gate.admit(request)
      settled()
      // Left on, they would be kept with their timer for as long as the socket lives.
      socket.off('close', settled)
      socket.off('error', cut)
      this.#accept(request, socket, head, admission)
    } catch (error) {
      this.counters.upgradesRefused++
      const refused = refusalOf(error, this.#options.toRefusal)
      if (!refused) this.#options.onError(error, { topic: '', event: 'upgrade', connectionId: '' })
      writeRefusal(socket, refused ?? refusal('internal', 'The upgrade failed; try again.'))
    }
  }

  #accept(request: IncomingMessage, wire: Duplex, head: Buffer, admission: Admission<Actor>): void {
    // ws would refuse a token with a `/` as no valid subprotocol, and echo the first offer otherwise.
    if (admission.subprotocol) request.headers['sec-websocket-protocol'] = admission.subprotocol
    else delete request.headers['sec-websocket-protocol']
    let accepted = false
    if (!wire.destroyed) {
      this.#sockets.handleUpgrade(request, wire, head, (socket) => {
        accepted = true
        this.#opened(socket, wire, admission)
      })
    }
    if (accepted) return
    this.#index.releaseKey(admission.actor)
    this.#index.releaseAddress(admission.address)
  }

  #opened(socket: PhoenixSocket, wire: Duplex, { actor, version, address }: Admission<Actor>): void {
    this.counters.upgradesAccepted++
    const id = `${this.#options.nodeId}-${(this.#connected++).toString(36)}`
    const connection = new SocketConnection({
      id,
      actor,
      version,
      address,
      socket,
      wire,
      shared: this.#shared,
    })
    this.#index.add(connection)
    this.#options.onConnect?.(connection)
  }

  #closed(connection: SocketConnection<Actor>): void {
    this.#index.remove(connection)
    this.#options.onDisconnect?.(connection)
  }
}
