// Arrays as parameters in PostgreSQL's binary format (src/backend/utils/adt/arrayfuncs.c, array_recv): a message's
// text need not be escaped here and read again there. `pg` sends a Buffer as binary by itself.

const OID = { bytea: 17, int8: 20, int4: 23, text: 25, uuid: 2950 } as const
const HEADER_BYTES = 20
const LENGTH_BYTES = 4
const NULL_LENGTH = -1

interface Codec<Value> {
  oid: number
  size(value: Value): number
  write(buffer: Buffer, value: Value, at: number): void
}

function encode<Value>(values: readonly (Value | null)[], { oid, size, write }: Codec<Value>): Buffer {
  const sizes = values.map((value) => (value === null ? NULL_LENGTH : size(value)))
  const total = sizes.reduce((sum, each) => sum + LENGTH_BYTES + Math.max(0, each), HEADER_BYTES)
  const buffer = Buffer.allocUnsafe(total)
  // Dimensions, whether any is null, type; then length and lower bound of the one dimension.
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(values.includes(null) ? 1 : 0, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  let at = HEADER_BYTES
  for (const [index, value] of values.entries()) {
    const length = sizes[index] ?? NULL_LENGTH
    at = buffer.writeInt32BE(length, at)
    if (value === null) continue
    write(buffer, value, at)
    at += length
  }
  return buffer
}

const INT4: Codec<number> = {
  oid: OID.int4,
  size: () => 4,
  write: (buffer, value, at) => void buffer.writeInt32BE(value, at),
}
const INT8: Codec<number> = {
  oid: OID.int8,
  size: () => 8,
  write(buffer, value, at) {
    buffer.writeInt32BE(Math.floor(value / 2 ** 32), at)
    buffer.writeUInt32BE(value >>> 0, at + 4)
  },
}
const UUID: Codec<string> = {
  oid: OID.uuid,
  size: () => 16,
  write: (buffer, value, at) => void buffer.write(value.replaceAll('-', ''), at, 16, 'hex'),
}
const TEXT: Codec<string> = {
  oid: OID.text,
  size: (value) => Buffer.byteLength(value),
  write: (buffer, value, at) => void buffer.write(value, at),
}
const BYTEA: Codec<Buffer> = {
  oid: OID.bytea,
  size: (value) => value.length,
  write: (buffer, value, at) => void buffer.set(value, at),
}

/** One-dimensional arrays, an element of null being NULL; int8 of safe integers, uuid in lower-case text. */
export const binaryArray = {
  int4: (values: readonly (number | null)[]) => encode(values, INT4),
  int8: (values: readonly (number | null)[]) => encode(values, INT8),
  uuid: (values: readonly (string | null)[]) => encode(values, UUID),
  text: (values: readonly (string | null)[]) => encode(values, TEXT),
  bytea: (values: readonly (Buffer | null)[]) => encode(values, BYTEA),
}
