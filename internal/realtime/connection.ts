import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { ChannelConnection, LiveChannel } from './channel.ts'
import { CLOSE, type CloseCode, closeReason } from './close-codes.ts'
import { encodeFrame, type RefText, type SerializerVersion, textFrame } from './codec.ts'
import type { FlushScheduler } from './flush.ts'
import type { BackPressure, Counters } from './limits.ts'
import type { Congested, Liveness, Watched } from './liveness.ts'
import type { ResyncMark } from './topic.ts'

/** What a socket tells. */
interface SocketEvents {
  message(data: Buffer, isBinary: boolean): void
  heard(): void
  closed(): void
}

/** A socket of `ws` that tells its connection and nobody else, so that it needs no lists of listeners. */
export class PhoenixSocket extends WebSocket {
  events: SocketEvents | null = null

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const [data, isBinary] = args
    if (event === 'message' && data instanceof Buffer) this.events?.message(data, isBinary === true)
    else if (event === 'close') this.events?.closed()
    // Of an error: what ws found wrong it has answered with its close code, and `close` follows.
    else this.events?.heard()
    return true
  }
}

/** What all connections of a server share. */
export interface ConnectionShared<Actor> {
  liveness: Liveness
  flusher: FlushScheduler
  backPressure: BackPressure
  counters: Counters
  now: () => number
  receive: (connection: SocketConnection<Actor>, text: string) => void
  onClosed: (connection: SocketConnection<Actor>) => void
}

interface ConnectionSeed<Actor> {
  id: string
  actor: Actor
  version: SerializerVersion
  address: string
  socket: PhoenixSocket
  /** The bytes below `socket`: whole frames are written to it, past ws's own copying. */
  wire: Duplex
  shared: ConnectionShared<Actor>
}

const NOTHING: Buffer[] = []
/** Below this many bytes one copy is cheaper than a vectored write. */
const COPY_LIMIT = 16_384

/** Of what will wait for a while: each small frame is a slice of a pool of 64 KB, all of which it would hold. */
function ownCopy(frames: readonly Buffer[], bytes: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes)
  let end = 0
  for (const frame of frames) {
    copy.set(frame, end)
    end += frame.length
  }
  return copy
}

export class SocketConnection<Actor> implements ChannelConnection<Actor>, Watched, Congested, SocketEvents {
  readonly id: string
  readonly actor: Actor
  readonly version: SerializerVersion
  readonly address: string
  readonly channels = new Map<string, LiveChannel<Actor>>()
  lastHeardAt = 0
  wheelSlot = 0
  inFlight = 0
  isOpen = true
  /** Set when the node drains: what is in flight is answered, nothing more is taken. */
  isDraining = false
  readonly #socket: PhoenixSocket
  readonly #wire: Duplex
  readonly #shared: ConnectionShared<Actor>
  #queue: Buffer[] = NOTHING
  #queuedBytes = 0
  #overSince = 0
  /** Why it is read no further: too much of it is unanswered, or it does not take the answers. */
  #isBusy = false
  #isFull = false

  constructor(seed: ConnectionSeed<Actor>) {
    this.id = seed.id
    this.actor = seed.actor
    this.version = seed.version
    this.address = seed.address
    this.#socket = seed.socket
    this.#wire = seed.wire
    this.#shared = seed.shared
    seed.socket.events = this
    seed.shared.liveness.watch(this)
  }

  /** Bytes accepted for this socket and not yet taken by the kernel. */
  get pendingBytes(): number {
    return this.#queuedBytes + this.#wire.writableLength
  }

  hasJoined(topic: string): boolean {
    return this.channels.get(topic)?.isJoined ?? false
  }

  resyncMark(topic: string): ResyncMark | null {
    const channel = this.channels.get(topic)
    return channel?.isJoined ? channel : null
  }

  transmit(joinRef: RefText, ref: RefText, topic: string, event: string, payloadJson: string): void {
    this.#enqueue(textFrame(encodeFrame(this.version, joinRef, ref, topic, event, payloadJson)))
    if (!this.#isFull && this.pendingBytes > this.#shared.backPressure.resyncAbove) this.#full()
  }

  deliver(frame: Buffer, mark: ResyncMark, droppable: boolean): boolean {
    const { dropAbove, resyncAbove } = this.#shared.backPressure
    const pending = this.pendingBytes
    if (droppable && pending > dropAbove) {
      mark.missedDroppable = true
      this.#shared.liveness.watchCongestion(this)
      this.#shared.counters.framesDropped++
      return false
    }
    if (mark.needsResync || pending > resyncAbove) {
      if (!droppable) mark.needsResync = true
      this.#congested()
      this.#shared.counters.framesDropped++
      return false
    }
    this.#enqueue(frame)
    return true
  }

  #enqueue(frame: Buffer): void {
    if (!this.isOpen) return
    if (this.#queue.length === 0) {
      this.#queue = []
      this.#shared.flusher.mark(this)
    }
    this.#queue.push(frame)
    this.#queuedBytes += frame.length
    const { resyncAbove, closeAbove } = this.#shared.backPressure
    const pending = this.pendingBytes
    if (pending <= resyncAbove) return
    this.#congested()
    if (pending > closeAbove) this.#closeSlow()
  }

  flush(): void {
    const frames = this.#queue
    if (frames.length === 0 || !this.isOpen) return
    const bytes = this.#queuedBytes
    this.#queue = NOTHING
    this.#queuedBytes = 0
    const [first] = frames
    if (this.#wire.writableLength > 0) this.#wire.write(ownCopy(frames, bytes))
    else if (frames.length === 1 && first) this.#wire.write(first)
    else if (bytes <= COPY_LIMIT) this.#wire.write(Buffer.concat(frames, bytes))
    else {
      this.#wire.cork()
      for (const frame of frames) this.#wire.write(frame)
      this.#wire.uncork()
    }
  }

  pause(): void {
    this.#isBusy = true
    this.#regulate()
  }

  resume(): void {
    this.#isBusy = false
    this.#regulate()
  }

  /** Of one that does not read its answers nothing more is read, until it has taken them. */
  #full(): void {
    this.#isFull = true
    this.#regulate()
    this.#wire.once('drain', () => {
      this.#isFull = false
      this.#regulate()
    })
  }

  #regulate(): void {
    const { isPaused } = this.#socket
    const wanted = this.isOpen && (this.#isBusy || this.#isFull)
    if (wanted && !isPaused) this.#socket.pause()
    else if (!wanted && isPaused) this.#socket.resume()
  }

  close(code: CloseCode, reason: string = closeReason(code)): void {
    if (!this.isOpen) return
    this.flush()
    this.isOpen = false
    // A paused socket would never read the peer's half of the closing handshake.
    this.#regulate()
    this.#socket.close(code, reason)
  }

  heard(): void {
    this.lastHeardAt = this.#shared.now()
  }

  /** One message; after `close`, or while the node lets it finish, nothing is looked at. */
  message(data: Buffer, isBinary: boolean): void {
    this.lastHeardAt = this.#shared.now()
    if (!this.isOpen || this.isDraining) return
    if (isBinary) {
      this.#shared.counters.badFrames++
      this.close(CLOSE.badFrame, 'binary frames are not supported')
    } else this.#shared.receive(this, data.toString())
  }

  /** Gone, whoever ended it. */
  closed(): void {
    this.isOpen = false
    this.#queue = NOTHING
    this.#queuedBytes = 0
    this.#shared.liveness.forget(this)
    for (const channel of this.channels.values()) channel.end()
    this.#shared.onClosed(this)
  }

  onSilence(): void {
    this.#shared.counters.closedSilent++
    this.close(CLOSE.silent)
  }

  relieve(now: number): boolean {
    if (!this.isOpen) return false
    const { dropAbove, resyncAbove, slowMs } = this.#shared.backPressure
    const pending = this.pendingBytes
    if (pending <= resyncAbove) this.#overSince = 0
    else if (this.#overSince === 0) this.#overSince = now
    else if (now - this.#overSince >= slowMs) {
      this.#closeSlow()
      return false
    }
    if (pending > dropAbove) return true
    for (const channel of this.channels.values()) {
      if (channel.needsResync) this.#resync(channel)
      else channel.relieve()
    }
    return false
  }

  #resync(channel: LiveChannel<Actor>): void {
    this.#shared.counters.resyncs++
    channel.fail('resync')
  }

  #congested(): void {
    if (this.#overSince === 0) this.#overSince = this.#shared.now()
    this.#shared.liveness.watchCongestion(this)
  }

  /** What is queued here is given up: it would only stand before the close frame. */
  #closeSlow(): void {
    this.#shared.counters.closedSlow++
    this.#queue = NOTHING
    this.#queuedBytes = 0
    this.close(CLOSE.tooSlow)
  }
}
