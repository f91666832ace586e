import { z } from 'zod'
import { invalid } from '../domain/errors.ts'
import type { ConversationId } from '../domain/ids.ts'
import { MENTIONS_MAX, type MentionsInput } from '../service/message/mention-names.ts'
import type { PageQuery } from '../service/message/message-page.ts'
import type { SendInput } from '../service/message/messages.ts'
import { clientId, conversationId, messageId, userId } from './http/fields.ts'
import { contentField } from './http/text-fields.ts'

// What both doors take: POST .../messages and the push message:send, GET .../messages and the push history.

const userIds = z.array(userId).max(MENTIONS_MAX)

/** Ids, or as a message shows them. */
const mentions = z.union([
  userIds,
  z.strictObject({ userIds: userIds.default([]), all: z.boolean().default(false) }),
])

export const sendBody = z.strictObject({
  clientId: clientId.nullish(),
  conversationId: conversationId.nullish().meta({ description: 'if given, the one it is sent to' }),
  type: z.literal('text').default('text'),
  content: contentField,
  // None can be given before there is media; an empty list says the same as no list.
  attachments: z.array(z.never()).max(0).nullish(),
  replyTo: messageId.nullish(),
  threadRootId: messageId.nullish(),
  mentions: mentions.nullish(),
})

/** @param target the conversation of the path or topic */
export function sendInputOf(body: z.output<typeof sendBody>, target: ConversationId): SendInput {
  if (body.conversationId && body.conversationId !== target) {
    throw invalid('conversationId', 'is not the conversation this is sent to')
  }
  return {
    clientId: body.clientId ?? null,
    type: body.type,
    content: body.content,
    replyTo: body.replyTo ?? null,
    threadRootId: body.threadRootId ?? null,
    mentions: mentionsOf(body.mentions),
  }
}

export const editBody = z.strictObject({ content: contentField, mentions: mentions.nullish() })

export function mentionsOf(given: z.output<typeof mentions> | null | undefined): MentionsInput | null {
  if (!given) return null
  return Array.isArray(given) ? { userIds: given, all: false } : given
}

/** One emoji of those recommended for general interchange, as one sequence. */
export const emojiField = z
  .string()
  .max(100)
  .regex(/^\p{RGI_Emoji}$/v, 'must be one emoji')
  .meta({ pattern: undefined, minLength: 1, description: 'one RGI emoji sequence' })

export const deleteScope = z.enum(['me', 'everyone'])

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
