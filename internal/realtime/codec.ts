import { nestsDeeperThan } from './json-depth.ts'

/** Version of the Phoenix serialiser a socket speaks, chosen by the `vsn` of its upgrade. */
export type SerializerVersion = 1 | 2

/** A ref as its JSON text (`null`, `"7"`, `7`, ...), so that it is echoed and compared unchanged whatever its type. */
export type RefText = string

export const NULL_REF: RefText = 'null'

export type JsonObject = Record<string, unknown>

export interface Frame {
  joinRef: RefText
  ref: RefText
  topic: string
  event: string
  payload: JsonObject
}

export type Parsed = { kind: 'frame'; frame: Frame } | { kind: 'malformed'; why: string }

/** Longest name and ref accepted, in UTF-16 units: both are kept for as long as a channel lives. */
export const MAX_TOPIC = 512
export const MAX_EVENT = 256
export const MAX_REF = 256
/** Deepest nesting of a message; refs are written back by recursion, which a deeper one would overflow. */
export const MAX_DEPTH = 64

/** `vsn` of the upgrade → serialiser; null for a protocol this server does not speak. */
export function versionOf(vsn: string | null): SerializerVersion | null {
  if (vsn === null || vsn === '' || /^1\.\d/.test(vsn) || vsn === '1') return 1
  return /^2\.\d/.test(vsn) || vsn === '2' ? 2 : null
}

/** One text message → a frame, or why it is not the protocol. Never throws. */
export function parseFrame(version: SerializerVersion, text: string): Parsed {
  if (nestsDeeperThan(text, MAX_DEPTH)) return malformed('nested too deeply')
  const message = parseJson(text)
  if (message === undefined) return malformed('not JSON')
  if (version === 2) {
    if (!Array.isArray(message) || message.length < 5) return malformed('not an array of five')
    return frameOf(text, message[0], message[1], message[2], message[3], message[4])
  }
  if (!isObject(message)) return malformed('not an object')
  const { join_ref: joinRef, ref, topic, event, payload } = message
  return frameOf(text, joinRef ?? null, ref ?? null, topic, event, payload)
}

function frameOf(
  text: string,
  joinRef: unknown,
  ref: unknown,
  topic: unknown,
  event: unknown,
  payload: unknown,
): Parsed {
  if (typeof topic !== 'string' || topic.length > MAX_TOPIC) return malformed('topic')
  if (typeof event !== 'string' || event.length > MAX_EVENT) return malformed('event')
  if (!isObject(payload)) return malformed('payload is not an object')
  const joinRefText = refText(joinRef, text)
  const refTextValue = refText(ref, text)
  if (joinRefText.length > MAX_REF || refTextValue.length > MAX_REF) return malformed('ref is too long')
  return { kind: 'frame', frame: { joinRef: joinRefText, ref: refTextValue, topic, event, payload } }
}

function refText(ref: unknown, source: string): RefText {
  if (ref === null) return NULL_REF
  if (typeof ref === 'number' && !Number.isSafeInteger(ref)) return numberAsWritten(ref, source)
  return JSON.stringify(ref)
}

/** A number that a double does not hold exactly is echoed as the client wrote it. */
function numberAsWritten(ref: number, source: string): RefText {
  let written = JSON.stringify(ref)
  JSON.parse(source, (_key, value, context?: { source?: string }) => {
    if (value === ref && context?.source !== undefined) written = context.source
    return value
  })
  return written
}

/** A server's message; `payloadJson` is JSON already, so that a broadcast serialises its payload once. */
export function encodeFrame(
  version: SerializerVersion,
  joinRef: RefText,
  ref: RefText,
  topic: string,
  event: string,
  payloadJson: string,
): string {
  const topicJson = JSON.stringify(topic)
  const eventJson = JSON.stringify(event)
  if (version === 2) return `[${joinRef},${ref},${topicJson},${eventJson},${payloadJson}]`
  const known = joinRef === NULL_REF ? '' : `,"join_ref":${joinRef}`
  return `{"topic":${topicJson},"event":${eventJson},"ref":${ref},"payload":${payloadJson}${known}}`
}

export function replyJson(status: 'ok' | 'error', response: object): string {
  return `{"status":"${status}","response":${JSON.stringify(response)}}`
}

const TEXT_FRAME = 0x81

/** RFC 6455 section 5.2: an unmasked, unfragmented text frame, ready for any number of sockets. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(header + length)
  frame[0] = TEXT_FRAME
  if (header === 2) frame[1] = length
  else if (header === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, header)
  return frame
}

function malformed(why: string): Parsed {
  return { kind: 'malformed', why }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
