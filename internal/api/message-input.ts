import { z } from 'zod'
import type { PageQuery } from '../service/message/history.ts'
import type { SendInput } from '../service/message/messages.ts'
import { clientId, messageId } from './http/fields.ts'

// What both doors take: POST .../messages and the push message:send, GET .../messages and the push history.

const CONTENT_MAX_UNITS = 16_000

export const sendBody = z.strictObject({
  clientId: clientId.nullish(),
  type: z.literal('text').default('text'),
  // Bounded in UTF-16 units here; the service counts code points.
  content: z.string().max(CONTENT_MAX_UNITS),
  replyTo: messageId.nullish(),
})

export function sendInputOf(body: z.output<typeof sendBody>): SendInput {
  return {
    clientId: body.clientId ?? null,
    type: body.type,
    content: body.content,
    replyTo: body.replyTo ?? null,
  }
}

export const PAGE_LIMIT = { fallback: 50, max: 100 }

const seq = z.int().min(0)

export const historyPayload = z.strictObject({
  before: seq.min(1).nullish(),
  after: seq.nullish(),
  around: seq.min(1).nullish(),
  limit: z.int().min(1).max(PAGE_LIMIT.max).default(PAGE_LIMIT.fallback),
})

export function pageQueryOf(given: {
  before?: number | null | undefined
  after?: number | null | undefined
  around?: number | null | undefined
  limit: number
}): PageQuery {
  return {
    before: given.before ?? undefined,
    after: given.after ?? undefined,
    around: given.around ?? undefined,
    limit: given.limit,
  }
}
