import { hash, randomFillSync } from 'node:crypto'

declare const brand: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

export type UserId = Branded<string, 'UserId'>
export type ConversationId = Branded<string, 'ConversationId'>
export type MessageId = Branded<string, 'MessageId'>
export type SessionId = Branded<string, 'SessionId'>
/** Chosen by the client (or by the node when the client gave none); makes a send idempotent. */
export type ClientId = Branded<string, 'ClientId'>
/** Place of a message in its conversation, dense from 1. */
export type Seq = number
/** Place of a change (edit, deletion, reaction, pin) in its conversation, dense from 1. */
export type Rev = number

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** True for a lower-case UUID string of any version; the caller says whose id it then is. */
export function isUuid<Id extends string = string>(text: string): text is Id {
  return UUID.test(text)
}

/** The one place where bytes become an id: whose it is, its maker says. */
function idOf<Id extends string>(bytes: Uint8Array): Id {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Id
}

/** Random bytes, asked of the system for some hundred ids at once: each call costs as much as all of them. */
const POOL = Buffer.allocUnsafeSlow(8192)
let pooled = POOL.length

function randomBytes16(): Buffer {
  if (pooled === POOL.length) {
    randomFillSync(POOL)
    pooled = 0
  }
  const bytes = Buffer.from(POOL.subarray(pooled, pooled + 16))
  pooled += 16
  return bytes
}

/** A new id. RFC 9562 UUIDv7: 48 bits of `nowMs`, 74 random bits. */
export function uuidv7<Id extends string = string>(nowMs: number = Date.now()): Id {
  const bytes = randomBytes16()
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  return idOf(bytes)
}

/** When an id was made, in milliseconds since 1970. */
export function timeOfUuidv7(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** Of a send or a change whose client gave no id of its own. */
export function newOperationId(): ClientId {
  return uuidv7()
}

export interface MessageKey {
  conversationId: ConversationId
  seq: Seq
  /** Microseconds since 1970; the message's creation time. */
  stamp: number
  senderId: UserId
  operationId: ClientId
  /** Incarnation of the PostgreSQL cluster that numbered it. */
  era: number
}

const SEQ_HIGH_STEP = 2 ** 28

/**
 * The id a log row has by itself: a UUIDv8 of 48 bits of the stamp's milliseconds, 40 bits of seq
 * (12 before and 28 after the variant) and 34 bits of a hash, so that the id leads to the row without
 * a look-up table and cannot be guessed from its neighbours.
 */
export function messageIdOf(key: MessageKey): MessageId {
  const digest = hash('sha256', `${key.conversationId}${key.senderId}${key.operationId}${key.era}`)
  const time = Math.floor(key.stamp / 1000)
    .toString(16)
    .padStart(12, '0')
  const high = (0x8000 | Math.floor(key.seq / SEQ_HIGH_STEP)).toString(16)
  // The last two bits of these 32 stay with the hash: 2 bits variant, 28 bits seq, 2 bits hash.
  const rest = Number.parseInt(digest.slice(0, 2), 16) & 0x03
  const low = ((0x80000000 | ((key.seq % SEQ_HIGH_STEP) << 2) | rest) >>> 0).toString(16)
  const [start, end] = [`${time.slice(0, 8)}-${time.slice(8)}`, `${low.slice(4)}${digest.slice(2, 10)}`]
  return `${start}-${high}-${low.slice(0, 4)}-${end}` as MessageId
}

/** The seq a message id carries, or null when the id is not one of ours. */
export function seqOfMessageId(id: string): Seq | null {
  if (!isUuid(id) || id[14] !== '8') return null
  const high = Number.parseInt(id.slice(15, 18), 16)
  const low = (Number.parseInt(id.slice(19, 23) + id.slice(24, 28), 16) & 0x3fffffff) >>> 2
  const seq = high * SEQ_HIGH_STEP + low
  return seq > 0 ? seq : null
}

/** The log's lane (0 to 15) of a conversation: four bits of the id's random part. */
export function laneOf(conversationId: ConversationId): number {
  return Number.parseInt(conversationId.slice(-1), 16)
}
