import { z } from 'zod'
import type { ClientId, ConversationId, MessageId, SessionId, UserId } from '../../domain/ids.ts'

/** A UUID in either case; handlers get it in lower case, as ids are kept. */
function id<Id extends string>() {
  return z
    .string()
    .regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, 'must be a UUID')
    .transform((text) => text.toLowerCase() as Id)
    .meta({ type: 'string', format: 'uuid' })
}

export const userId = id<UserId>()
export const conversationId = id<ConversationId>()
export const messageId = id<MessageId>()
export const sessionId = id<SessionId>()
export const clientId = id<ClientId>()
/** An id without a brand. */
export const uuid = id<string>()

/** RFC 3339 UTC with milliseconds, as answered. */
export const time = z.iso.datetime()

/** A whole number in a query string or path. */
export function integerParam(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ type: 'integer', minimum: min, maximum: max, pattern: undefined })
}

/** `limit` of a list; out of range is refused. */
export function limitParam(fallback: number, max: number) {
  return integerParam(1, max).default(fallback)
}

/** Opaque place in a list, as `nextCursor` gave it. */
export const cursorParam = z.string().min(1).max(500)

/** What every list answers. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}
