import { invalid } from '../domain/errors.ts'
import { isUuid } from '../domain/ids.ts'

type FieldKind = 'number' | 'uuid' | 'time' | 'text'

const CURSOR_MAX = 500
/** As this service writes times; other texts that `Date` takes, and the year 0, are beyond what the database does. */
const TIME = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/

/** An opaque page cursor; clients hand it back unchanged. */
export function encodeCursor(fields: object): string {
  return Buffer.from(JSON.stringify(fields)).toString('base64url')
}

/** @throws DomainError validation_failed when the text is not a cursor with these fields. */
export function decodeCursor<Fields extends object>(
  text: string | null,
  kinds: Record<keyof Fields, FieldKind>,
): Fields | null {
  if (text === null) return null
  try {
    const fields: unknown = JSON.parse(Buffer.from(text.slice(0, CURSOR_MAX), 'base64url').toString('utf8'))
    if (hasFields(fields, kinds)) return fields
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw invalid('cursor', 'is not a cursor of this list')
}

function hasFields<Fields extends object>(
  value: unknown,
  kinds: Record<keyof Fields, FieldKind>,
): value is Fields {
  if (typeof value !== 'object' || value === null) return false
  const entries = new Map<string, unknown>(Object.entries(value))
  return Object.entries<FieldKind>(kinds).every(([name, kind]) => isOf(kind, entries.get(name)))
}

function isOf(kind: FieldKind, value: unknown): boolean {
  if (kind === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'string') return false
  if (kind === 'text') return !value.includes('\0')
  return kind === 'uuid' ? isUuid(value) : TIME.test(value) && !Number.isNaN(Date.parse(value))
}
