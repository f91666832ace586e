import { z } from 'zod'
import { DISPLAY_NAME_MAX, PASSWORD_MAX, PASSWORD_MIN } from '../../domain/identity.ts'
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

// Of RFC 3986, with a host that has a name: nothing in it has to be escaped by whoever shows it.
const URL_PART = "(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
const HTTPS_URL = new RegExp(
  '^https://(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\\.)+[A-Za-z]{2,}(?::[1-9][0-9]{0,3})?' +
    `(?:[/?]${URL_PART})?(?:#${URL_PART})?$`,
)

/** Where a picture is. */
export const pictureUrl = z.string().max(2048).regex(HTTPS_URL, 'must be an https URL')

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

/** An email address; what makes one is checked by the service, as its domain may be international. */
export const emailField = z.string().min(3).max(254).meta({ format: 'email' })

/** A phone number; spaces, hyphens and brackets are forgiven, the documentation asks for plain E.164. */
export const phoneField = z.string().min(8).max(32).meta({ pattern: '^\\+[1-9][0-9]{6,14}$' })

/** Six digits sent to an address. */
export const codeField = z.string().regex(/^[0-9]{6}$/, 'must be six digits')

/** Six digits of an authenticator, or a recovery code. */
export const factorField = z.string().regex(/^[0-9A-Za-z -]{6,20}$/, 'must be six digits, or a recovery code')

// NUL never gets this far; the pattern tells so to whoever reads the document.
export const passwordField = z.string().min(PASSWORD_MIN).max(PASSWORD_MAX).meta({ pattern: '^[^\\u0000]*$' })
export const usernameField = z
  .string()
  .max(32)
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9]|[._-](?![._-])){0,30}[A-Za-z0-9]$/,
    'must be 2 to 32 letters (a-z), digits, or single . _ - between them',
  )

/** 1 to 64 characters; which ones show is checked by the service. */
export const displayNameField = z
  .string()
  .min(1)
  .max(2 * DISPLAY_NAME_MAX)
  .meta({
    maxLength: DISPLAY_NAME_MAX,
    pattern: '^[^\\s\\x00-\\x1f\\x7f-\\x9f]+( [^\\s\\x00-\\x1f\\x7f-\\x9f]+)*$',
  })

/** What every list answers. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}
