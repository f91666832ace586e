/** Bytes queued for one socket, and what is done above them. */
export interface BackPressure {
  /** Broadcasts marked as droppable are dropped. */
  dropAbove: number
  /** Broadcasts stop, and the topic is marked for resync; nothing more is read of the socket. */
  resyncAbove: number
  /** Closed at once as too slow. */
  closeAbove: number
  /** Milliseconds over `resyncAbove` that end it as too slow. */
  slowMs: number
}

export const BACK_PRESSURE: BackPressure = {
  dropAbove: 256 * 1024,
  resyncAbove: 1024 * 1024,
  closeAbove: 4 * 1024 * 1024,
  slowMs: 10_000,
}

/** Largest message a client may send, in bytes. */
export const MAX_MESSAGE_BYTES = 128 * 1024
/** Frames that a message may come in: each costs far more than the byte it may carry. */
export const MAX_FRAGMENTS = 1024
/** Reads that a frame may come in. */
export const MAX_CHUNKS = 4096
/** Topics one socket may have joined. */
export const MAX_CHANNELS = 1000
/**
 * Joins and pushes of one socket that may be unanswered before it is read no further. Enough to hide a round trip; more
 * would let a few that push without waiting fill the queues that everybody waits in.
 */
export const MAX_IN_FLIGHT = 32
/** Milliseconds of silence that end a socket. */
export const SILENCE_MS = 60_000
/** Milliseconds a connection has to finish its upgrade. */
export const UPGRADE_MS = 10_000
/** Milliseconds over which a draining node closes its sockets. */
export const DRAIN_MS = 10_000

/** What happened since the start; a metrics endpoint reads them. */
export class Counters {
  upgradesAccepted = 0
  upgradesRefused = 0
  framesReceived = 0
  framesDropped = 0
  resyncs = 0
  closedSlow = 0
  closedSilent = 0
  badFrames = 0
  channelCrashes = 0
}
