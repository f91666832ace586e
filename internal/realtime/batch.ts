/**
 * A batch on the wire: 16 bytes of the publisher's id, a uint64 number (dense from 1 for each publisher
 * and shard), then for each entry a uint32 length and so many bytes of UTF-8.
 */
export interface Batch {
  publisher: string
  number: number
  entries: string[]
}

const PUBLISHER_BYTES = 16
const HEADER_BYTES = PUBLISHER_BYTES + 8

/** @param publisher 32 hexadecimal digits. */
export function encodeBatch({ publisher, number, entries }: Batch): Buffer {
  const lengths = entries.map((entry) => Buffer.byteLength(entry))
  const total = lengths.reduce((sum, length) => sum + 4 + length, HEADER_BYTES)
  const bytes = Buffer.allocUnsafe(total)
  bytes.write(publisher, 'hex')
  bytes.writeBigUInt64BE(BigInt(number), PUBLISHER_BYTES)
  let at = HEADER_BYTES
  for (const [index, entry] of entries.entries()) {
    at = bytes.writeUInt32BE(lengths[index] ?? 0, at)
    at += bytes.write(entry, at)
  }
  return bytes
}

/** Who published it, without a look at the rest; null when the bytes are too few for a batch. */
export function publisherOf(raw: Uint8Array): string | null {
  if (raw.byteLength < HEADER_BYTES) return null
  return Buffer.from(raw.buffer, raw.byteOffset, PUBLISHER_BYTES).toString('hex')
}

/** Null when the bytes are no batch, as when another program uses the channel. */
export function decodeBatch(raw: Uint8Array): Batch | null {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
  if (bytes.length < HEADER_BYTES) return null
  const publisher = bytes.toString('hex', 0, PUBLISHER_BYTES)
  const number = Number(bytes.readBigUInt64BE(PUBLISHER_BYTES))
  const entries: string[] = []
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    if (at + 4 > bytes.length) return null
    const from = at + 4
    const to = from + bytes.readUInt32BE(at)
    if (to > bytes.length) return null
    entries.push(bytes.toString('utf8', from, to))
    at = to
  }
  return { publisher, number, entries }
}
