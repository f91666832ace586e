import { z } from 'zod'
import type { TopicDocument } from '../../realtime/index.ts'
import {
  changeSchema,
  conversationSchema,
  memberSchema,
  messageSchema,
  reactionSchema,
} from '../http/conversation-schema.ts'
import { messageId, time, userId } from '../http/fields.ts'
import { messagePageSchema, sentSchema } from '../http/messages.ts'
import { pointersSchema } from '../http/receipts.ts'
import { hiddenSchema } from '../http/sync.ts'

const seq = z.int().min(0)
const rev = z.int().min(0)

/** Clients send parameters of their own with every join; these are looked at. */
export const chatJoin = z.object({
  seq: seq.nullish(),
  rev: rev.nullish(),
  epoch: z.string().max(100).nullish(),
})

const changed = { messageId, seq, rev }
const ofReaction = z.object({ ...changed, emoji: z.string(), userId, count: z.int().min(0) })
const ofPin = z.object({ ...changed, userId })
const ofMember = z.object({ member: memberSchema })
const edited = z.object({ message: messageSchema })
const reacted = z.object({ reactions: z.array(reactionSchema) })

/** Members online, by user id, as the Presence of Phoenix clients takes it. */
const presences = z.record(
  userId,
  z.object({
    metas: z.array(z.object({ phx_ref: z.string(), phx_ref_prev: z.string().optional(), onlineAt: time })),
  }),
)

/** What is said of `chat:<conversationId>`; the pushes' own payloads are with their handlers. */
export const chatDocument: TopicDocument = {
  summary: 'A conversation, live',
  address: 'chat:{conversationId}',
  parameters: { conversationId: 'The conversation, in lower case; of one that the user is a member of.' },
  join: {
    payload: chatJoin,
    reply: z.object({
      conversation: conversationSchema,
      seq,
      rev,
      epoch: z.string(),
      messages: z.array(messageSchema),
      changes: z.array(changeSchema),
      more: z.boolean(),
      reset: z.literal(true).optional(),
      hidden: hiddenSchema,
    }),
  },
  pushes: {
    'message:send': { summary: 'Send a message; answered once it is committed', reply: sentSchema },
    'message:edit': { summary: 'Edit your message; earlier texts stay readable', reply: edited },
    'message:delete': {
      summary: 'Delete a message, for yourself or for everyone',
      reply: z.object({
        message: messageSchema.nullable().meta({ description: 'null when deleted for yourself' }),
      }),
    },
    'message:reaction:add': { summary: 'React to a message', reply: reacted },
    'message:reaction:remove': { summary: 'Take a reaction back', reply: reacted },
    'message:delivered': { summary: 'Say up to where you have everything', reply: pointersSchema },
    'message:read': { summary: 'Say up to where you have read', reply: pointersSchema },
    history: { summary: 'A page of messages, ascending', reply: messagePageSchema },
    'typing:start': { summary: 'You type; repeat it every few seconds', reply: z.strictObject({}) },
    'typing:stop': { summary: 'You stopped', reply: z.strictObject({}) },
    changes: {
      summary: 'What happened to messages since a rev, at most 200 at a time',
      reply: z.object({ changes: z.array(changeSchema), rev, more: z.boolean() }),
    },
  },
  sends: {
    'typing:start': { summary: 'Somebody began to type', payload: z.object({ userId }) },
    'typing:stop': { summary: 'They stopped, or said nothing more for 6 s', payload: z.object({ userId }) },
    'message:new': { summary: 'A message; its seq is the next one', payload: messageSchema },
    'message:edited': { summary: 'The message as it is now', payload: messageSchema },
    'message:deleted': {
      summary: 'Deleted, for everyone or by another of your own sockets for yourself',
      payload: z.object({
        ...changed,
        deletedBy: userId,
        deletedAt: time,
        scope: z.literal('me').optional().meta({ description: 'take it away, on your devices only' }),
      }),
    },
    'message:reaction:added': { summary: 'Somebody reacted', payload: ofReaction },
    'message:reaction:removed': { summary: 'Somebody took a reaction back', payload: ofReaction },
    'message:pinned': { summary: 'Pinned', payload: ofPin },
    'message:unpinned': { summary: 'No longer pinned', payload: ofPin },
    receipt: {
      summary: 'How far somebody has received and read; at most twice a second for each',
      payload: z.object({ userId, deliveredSeq: seq, readSeq: seq, at: time }),
    },
    'member:joined': { summary: 'Somebody came', payload: ofMember },
    'member:left': { summary: 'Somebody went; the member as they were', payload: ofMember },
    'member:updated': { summary: 'Somebody has another role', payload: ofMember },
    'conversation:updated': {
      summary: 'The conversation as you see it now',
      payload: z.object({ conversation: conversationSchema }),
    },
    presence_diff: {
      summary: 'Who came online or went offline',
      payload: z.object({ joins: presences, leaves: presences }),
    },
    'presence:count': {
      summary: 'How many are online, in groups of over 200 members',
      payload: z.object({ online: z.int().min(0) }),
    },
    'user:online': { summary: 'Somebody came online', payload: z.object({ userId, at: time }) },
    'user:offline': {
      summary: 'Somebody went offline; at is null where they hide it',
      payload: z.object({ userId, at: time.nullable() }),
    },
    presence_state: { summary: 'Who is online; follows every join', payload: presences },
  },
}
