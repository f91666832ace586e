import { z } from 'zod'
import type { PageQuery } from '../service/message/history.ts'
import type { SendInput } from '../service/message/messages.ts'
import { clientId, messageId } from './http/fields.ts'
import { contentField } from './http/text-fields.ts'

// What both doors take: POST .../messages and the push message:send, GET .../messages and the push history.

export const sendBody = z.strictObject({
  clientId: clientId.nullish(),
  type: z.literal('text').default('text'),
  content: contentField,
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
