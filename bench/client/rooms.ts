import type { Peer } from '../peers/process.ts'
import type { Dialect } from './dialects.ts'
import { inParallel, Measure, percentile, seconds } from './measure.ts'
import { RawSocket } from './raw-socket.ts'
import { RoomMember } from './room-member.ts'

export interface RoomsLoad {
  rooms: number
  members: number
  /** Members of each room that send, each with `outstanding` sends unanswered (closed loop). */
  senders: number
  outstanding: number
  /** So many members in all never read, one in each room first. */
  stalled?: number
  textBytes?: number
  warmUpSeconds: number
  seconds: number
}

const TEXT_BYTES = 150
const OPENING_AT_ONCE = 100
/** What a socket that was closed while it did not read has left to be read. */
const CLOSED_WITHIN_SECONDS = 1
const MEMORY_READINGS = 4

/** Opens rooms, spread over the servers' ports, member by member; `close` ends all. */
export async function openRooms(
  peers: readonly Pick<Peer, 'port'>[],
  dialect: Dialect,
  load: Pick<RoomsLoad, 'rooms' | 'members' | 'textBytes'>,
  measure = new Measure(),
) {
  const text = 'x'.repeat(load.textBytes ?? TEXT_BYTES)
  const rooms: RoomMember[][] = Array.from({ length: load.rooms }, () => [])
  const openMs: number[] = []
  await inParallel(load.rooms * load.members, OPENING_AT_ONCE, async (index) => {
    const room = index % load.rooms
    const began = performance.now()
    const socket = await RawSocket.open(peers[index % peers.length]?.port ?? 0, dialect.path)
    const member = new RoomMember(socket, dialect, `r${room}`, text, measure)
    await member.join()
    openMs.push(performance.now() - began)
    rooms[room]?.push(member)
  })
  const close = () => {
    for (const { socket } of rooms.flat()) socket.destroy()
  }
  return { rooms, measure, openMs, close }
}

/** Puts the load on the rooms and measures it after the warm-up. */
export async function driveRooms(peers: readonly Peer[], dialect: Dialect, load: RoomsLoad) {
  const { rooms, measure, close } = await openRooms(peers, dialect, load)
  const stalled = stall(rooms, load.stalled ?? 0)
  const readers = rooms.flat().filter((member) => !stalled.includes(member))
  const before = await memoryOf(peers)
  const senders = rooms.flatMap((members) => members.slice(0, load.senders))
  for (const sender of senders) {
    sender.isRepeating = true
    for (let n = 0; n < load.outstanding; n++) sender.say()
  }
  await seconds(load.warmUpSeconds)
  const held: number[] = []
  if (load.stalled !== undefined) {
    for (let n = 0; n < MEMORY_READINGS; n++) held.push((await memoryOf(peers)) - before)
  }
  const cpuBefore = await cpuOf(peers)
  measure.start()
  await seconds(load.seconds)
  measure.stop()
  const serverSeconds = (await cpuOf(peers)) - cpuBefore
  if (load.stalled !== undefined) held.push((await memoryOf(peers)) - before)
  for (const sender of senders) sender.isRepeating = false
  measure.closed = readers.filter(({ isClosed }) => isClosed).length
  for (const { socket } of stalled) socket.resume()
  if (stalled.length > 0) await seconds(CLOSED_WITHIN_SECONDS)
  const slowClosed = stalled.filter(({ isClosed }) => isClosed).length
  close()
  return { ...outcomeOf(measure, serverSeconds), slowClosed, heldBytes: Math.max(0, ...held) }
}

function outcomeOf(measure: Measure, serverSeconds: number) {
  return {
    sendsPerSecond: measure.acknowledgedPerSecond,
    deliveriesPerSecond: measure.deliveredPerSecond,
    p50Ms: measure.percentile(0.5),
    p99Ms: measure.percentile(0.99),
    deliveryP50Ms: percentile(measure.deliveryMs, 0.5),
    deliveryP99Ms: percentile(measure.deliveryMs, 0.99),
    /** Of the cores that server and load have, what they used: the load must not be what is full. */
    serverCores: Number((serverSeconds / measure.seconds).toFixed(2)),
    loadCores: measure.cores,
    lost: measure.closed,
  }
}

function stall(rooms: readonly RoomMember[][], count: number): RoomMember[] {
  // Senders come first in their rooms, so slow ones are taken from the end.
  const chosen = Array.from({ length: count }, (_, n) =>
    rooms[n % rooms.length]?.at(-1 - Math.floor(n / rooms.length)),
  ).filter((member) => member !== undefined)
  for (const { socket } of chosen) socket.stall()
  return chosen
}

async function memoryOf(peers: readonly Peer[]): Promise<number> {
  const usages = await Promise.all(peers.map((peer) => peer.usageAtRest()))
  return usages.reduce((sum, { live }) => sum + live, 0)
}

async function cpuOf(peers: readonly Peer[]): Promise<number> {
  const usages = await Promise.all(peers.map((peer) => peer.usage()))
  return usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
}
