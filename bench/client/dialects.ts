/** How a peer is spoken to; one workload for all. */
export interface Dialect {
  path: string
  /** Sent once open; what is answered to it has to be waited for. Null: nothing. */
  hello: string | null
  isWelcome(text: string): boolean
  join(room: string): string
  /** `ref` is a number that the answer repeats. */
  say(room: string, ref: number, text: string): string
  /** First byte of what is no delivery of a message, at `start`: the answer's ref, or null for anything else. */
  isDelivery(bytes: Buffer, start: number): boolean
  refOf(text: string): number | null
  /** Whether the text says that the room is joined. */
  isJoined(text: string): boolean
  /** The answer that this wants at once; null for none. */
  pong(text: string): string | null
}

const LETTER_N = 0x6e
const LETTER_D = 0x64
const DIGIT_2 = 0x32

export type PeerName = 'realchat' | 'ws' | 'socket.io'

export const DIALECTS: Record<PeerName, Dialect> = {
  realchat: {
    path: '/socket/websocket?vsn=2.0.0&token=load',
    hello: null,
    isWelcome: () => false,
    join: (room) => `["1","1","room:${room}","phx_join",{}]`,
    say: (room, ref, text) => `["1","${ref}","room:${room}","say",{"text":"${text}"}]`,
    isDelivery: (bytes, start) => bytes[start + 1] === LETTER_N,
    refOf: (text) => numberIn(/^\["1","(\d+)"/, text),
    isJoined: (text) => text.startsWith('["1","1"'),
    pong: () => null,
  },
  ws: {
    path: '/',
    hello: null,
    isWelcome: () => false,
    join: (room) => `j${room}`,
    say: (_room, ref, text) => `m${ref} ${text}`,
    isDelivery: (bytes, start) => bytes[start] === LETTER_D,
    refOf: (text) => numberIn(/^r(\d+)/, text),
    isJoined: (text) => text === 'j',
    pong: () => null,
  },
  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    hello: '40',
    isWelcome: (text) => text.startsWith('40'),
    join: (room) => `421["join","${room}"]`,
    say: (_room, ref, text) => `42${ref}["say","${text}"]`,
    isDelivery: (bytes, start) => bytes[start + 1] === DIGIT_2,
    refOf: (text) => numberIn(/^43(\d+)\[/, text),
    isJoined: (text) => text.startsWith('431['),
    pong: (text) => (text === '2' ? '3' : null),
  },
}

function numberIn(pattern: RegExp, text: string): number | null {
  const digits = pattern.exec(text)?.[1]
  return digits === undefined ? null : Number(digits)
}
