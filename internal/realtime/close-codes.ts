/** Why the server closes a socket. 4000 and up are the application's own, grouped by what the client should do. */
export const CLOSE = {
  /** The peer left the RFC. Sent by `ws`. */
  protocolError: 1002,
  /** A text frame that is not UTF-8. Sent by `ws`. */
  invalidUtf8: 1007,
  /** A message in too many pieces. Sent by `ws`. */
  tooManyPieces: 1008,
  /** A message over the payload limit. Sent by `ws`. */
  tooBig: 1009,
  /** The node drains: reconnect after the `retryAfterMs` of `system:drain`. */
  serviceRestart: 1012,
  /** The client reads more slowly than its topics speak: reconnect, then catch up. */
  tooSlow: 4000,
  /** Nothing heard for the silence limit: reconnect. */
  silent: 4001,
  /** State was lost on the way: reconnect and rejoin from the last cursor. */
  resync: 4002,
  /** A frame that is not the protocol: a fault of the client, reconnecting does not help. */
  badFrame: 4400,
  /** The session ended or the account was suspended: sign in again. */
  sessionEnded: 4403,
} as const

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]

const REASONS: Record<CloseCode, string> = {
  [CLOSE.protocolError]: 'protocol error',
  [CLOSE.invalidUtf8]: 'invalid UTF-8',
  [CLOSE.tooManyPieces]: 'too many pieces',
  [CLOSE.tooBig]: 'message too big',
  [CLOSE.serviceRestart]: 'draining',
  [CLOSE.tooSlow]: 'too slow',
  [CLOSE.silent]: 'nothing heard',
  [CLOSE.resync]: 'must resync',
  [CLOSE.badFrame]: 'not the protocol',
  [CLOSE.sessionEnded]: 'session ended',
}

export function closeReason(code: CloseCode): string {
  return REASONS[code]
}
