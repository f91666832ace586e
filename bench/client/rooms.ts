import type { Dialect } from './dialects.ts'
import { inParallel, Measure, seconds } from './measure.ts'
import { RawSocket } from './raw-socket.ts'

export interface RoomsLoad {
  rooms: number
  members: number
  /** Members of each room that send, each with `outstanding` sends unanswered (closed loop). */
  senders: number
  outstanding: number
  /** Share of the members that never read. */
  stalled?: number
  warmUpSeconds: number
  seconds: number
}

const TEXT = 'x'.repeat(150)
const OPENING_AT_ONCE = 100
const FIRST_REF = 10

/** One client's side of a room. */
class RoomMember {
  readonly socket: RawSocket
  readonly #dialect: Dialect
  readonly #room: string
  readonly #measure: Measure
  readonly #sentAt = new Map<number, number>()
  readonly #welcomed = Promise.withResolvers<void>()
  readonly #joined = Promise.withResolvers<void>()
  #nextRef = FIRST_REF
  isRepeating = false

  constructor(socket: RawSocket, dialect: Dialect, room: string, measure: Measure) {
    this.socket = socket
    this.#dialect = dialect
    this.#room = room
    this.#measure = measure
    socket.onClose = () => this.#joined.reject(new Error('the peer closed before the room was joined'))
    socket.onFrame = (bytes, start, end) => {
      if (dialect.isDelivery(bytes, start)) measure.delivered++
      else this.#heard(bytes.toString('latin1', start, Math.min(end, start + 64)))
    }
  }

  async join(): Promise<void> {
    if (this.#dialect.hello !== null) {
      this.socket.send(this.#dialect.hello)
      await this.#welcomed.promise
    }
    this.socket.send(this.#dialect.join(this.#room))
    await this.#joined.promise
  }

  say(): void {
    const ref = this.#nextRef++
    this.#sentAt.set(ref, performance.now())
    this.socket.send(this.#dialect.say(this.#room, ref, TEXT))
  }

  #heard(text: string): void {
    const pong = this.#dialect.pong(text)
    if (pong !== null) this.socket.send(pong)
    const ref = this.#dialect.refOf(text)
    const began = ref === null ? undefined : this.#sentAt.get(ref)
    if (ref === null || began === undefined) {
      if (this.#dialect.isWelcome(text)) this.#welcomed.resolve()
      else if (this.#dialect.isJoined(text)) this.#joined.resolve()
      return
    }
    this.#sentAt.delete(ref)
    this.#measure.answered(performance.now() - began)
    if (this.isRepeating) this.say()
  }
}

/** Opens rooms, spread over the servers' ports, member by member; `close` ends all. */
export async function openRooms(
  ports: readonly number[],
  dialect: Dialect,
  load: RoomsLoad,
  measure = new Measure(),
) {
  const rooms: RoomMember[][] = Array.from({ length: load.rooms }, () => [])
  await inParallel(load.rooms * load.members, OPENING_AT_ONCE, async (index) => {
    const room = index % load.rooms
    const port = ports[index % ports.length] ?? 0
    const member = new RoomMember(await RawSocket.open(port, dialect.path), dialect, `r${room}`, measure)
    await member.join()
    rooms[room]?.push(member)
  })
  const close = () => {
    for (const { socket } of rooms.flat()) socket.destroy()
  }
  return { rooms, measure, close }
}

export interface RoomsOutcome {
  sendsPerSecond: number
  deliveriesPerSecond: number
  p50Ms: number
  p99Ms: number
}

/** Puts the load on the rooms and measures it after the warm-up. */
export async function driveRooms(
  ports: readonly number[],
  dialect: Dialect,
  load: RoomsLoad,
): Promise<RoomsOutcome> {
  const { rooms, measure, close } = await openRooms(ports, dialect, load)
  const stalled = Math.round(load.members * (load.stalled ?? 0))
  for (const members of rooms)
    for (const { socket } of members.slice(members.length - stalled)) socket.stall()
  const senders = rooms.flatMap((members) => members.slice(0, load.senders))
  for (const sender of senders) {
    sender.isRepeating = true
    for (let n = 0; n < load.outstanding; n++) sender.say()
  }
  await seconds(load.warmUpSeconds)
  measure.start()
  await seconds(load.seconds)
  measure.stop()
  for (const sender of senders) sender.isRepeating = false
  close()
  return {
    sendsPerSecond: measure.acknowledgedPerSecond,
    deliveriesPerSecond: measure.deliveredPerSecond,
    p50Ms: measure.percentile(0.5),
    p99Ms: measure.percentile(0.99),
  }
}
