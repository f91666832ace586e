import { setTimeout as pause } from 'node:timers/promises'
import { CLOSE, type CloseCode } from './close-codes.ts'
import { NULL_REF } from './codec.ts'
import type { Connection } from './topic.ts'

interface Drainable extends Connection<unknown> {
  isDraining: boolean
  readonly inFlight: number
  close(code: CloseCode): void
}

interface DrainOptions {
  spreadMs: number
  random: () => number
}

const STEP_MS = 20
/** Milliseconds a handler has to answer before its socket is closed all the same. */
const IN_FLIGHT_MS = 5000

/**
 * Tells every socket to reconnect elsewhere at a time of its own, then closes them evenly over `spreadMs`,
 * each when its pushes in flight are answered. Resolves when none is left; `sockets` shrinks by itself.
 */
export async function drain(
  sockets: ReadonlySet<Drainable>,
  { spreadMs, random }: DrainOptions,
): Promise<void> {
  const waiting = [...sockets]
  for (const socket of waiting) {
    const retryAfterMs = Math.round(spreadMs * (0.1 + 0.4 * random()))
    socket.transmit(NULL_REF, NULL_REF, 'phoenix', 'system:drain', JSON.stringify({ retryAfterMs }))
  }
  const steps = Math.ceil(spreadMs / STEP_MS)
  const finishing = new Map<Drainable, number>()
  for (let step = 0; sockets.size > 0; step++) {
    const share = step >= steps ? waiting.length : Math.ceil(waiting.length / (steps - step))
    for (const socket of waiting.splice(0, share)) {
      socket.isDraining = true
      finishing.set(socket, step + IN_FLIGHT_MS / STEP_MS)
    }
    for (const [socket, lastStep] of finishing) {
      if (socket.inFlight > 0 && step < lastStep) continue
      finishing.delete(socket)
      socket.close(CLOSE.serviceRestart)
    }
    await pause(STEP_MS)
  }
}
