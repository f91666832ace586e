import { z } from 'zod'
import type { Actor } from '../../domain/user.ts'
import type { MessageChanges } from '../../service/message/message-changes.ts'
import { deleteScope, editBody, emojiField, mentionsOf } from '../message-input.ts'
import { messageSchema, reactionSchema } from './conversation-schema.ts'
import { conversationId, messageId } from './fields.ts'
import { SEND_LIMIT } from './messages.ts'
import { answer, NO_CONTENT, type Route, route } from './route.ts'

const params = z.strictObject({ conversationId, messageId })
const reactionParams = z.strictObject({ conversationId, messageId, emoji: emojiField })

const MESSAGE = '/conversations/:conversationId/messages/:messageId'

const CHANGE = { tag: 'messages', scope: 'messages:write', limits: [SEND_LIMIT] } as const

export function messageChangeRoutes(changes: MessageChanges): Route[] {
  return [...textRoutes(changes), ...reactionRoutes(changes), ...pinRoutes(changes)]
}

function target(actor: Actor, given: z.output<typeof params>) {
  return { actor, conversationId: given.conversationId, messageId: given.messageId, origin: null }
}

function textRoutes(changes: MessageChanges): Route[] {
  return [
    route({
      ...CHANGE,
      method: 'patch',
      path: MESSAGE,
      summary: 'Edit your message; earlier texts stay readable',
      params,
      body: editBody,
      responses: { 200: messageSchema },
      errors: ['not_found', 'forbidden', 'blocked', 'conflict', 'overloaded'],
      handle: async ({ actor, params: given, body }) =>
        answer(200, await changes.edit(target(actor, given), body.content, mentionsOf(body.mentions))),
    }),
    route({
      ...CHANGE,
      method: 'delete',
      path: MESSAGE,
      summary: 'Delete a message, for yourself or for everyone',
      params,
      query: z.strictObject({ scope: deleteScope }),
      responses: { 204: null },
      errors: ['not_found', 'forbidden', 'overloaded'],
      handle: async ({ actor, params: given, query }) => {
        const at = target(actor, given)
        if (query.scope === 'me') await changes.hide(at)
        else await changes.erase(at)
        return NO_CONTENT
      },
    }),
  ]
}

function reactionRoutes(changes: MessageChanges): Route[] {
  const path = `${MESSAGE}/reactions/:emoji`
  const errors = ['not_found', 'forbidden', 'blocked', 'conflict', 'overloaded'] as const
  return [
    route({
      ...CHANGE,
      method: 'put',
      path,
      summary: 'React to a message',
      params: reactionParams,
      responses: { 200: z.object({ reactions: z.array(reactionSchema) }) },
      errors,
      handle: async ({ actor, params: given }) =>
        answer(200, { reactions: await changes.react(target(actor, given), given.emoji, true) }),
    }),
    route({
      ...CHANGE,
      method: 'delete',
      path,
      summary: 'Take a reaction back',
      params: reactionParams,
      responses: { 204: null },
      errors,
      handle: async ({ actor, params: given }) => {
        await changes.react(target(actor, given), given.emoji, false)
        return NO_CONTENT
      },
    }),
  ]
}

function pinRoutes(changes: MessageChanges): Route[] {
  const path = `${MESSAGE}/pin`
  const errors = ['not_found', 'forbidden', 'blocked', 'conflict', 'overloaded'] as const
  return [
    route({
      ...CHANGE,
      method: 'put',
      path,
      summary: 'Pin a message',
      params,
      responses: { 200: messageSchema },
      errors,
      handle: async ({ actor, params: given }) => answer(200, await changes.pin(target(actor, given), true)),
    }),
    route({
      ...CHANGE,
      method: 'delete',
      path,
      summary: 'Take a pin away',
      params,
      responses: { 204: null },
      errors,
      handle: async ({ actor, params: given }) => {
        await changes.pin(target(actor, given), false)
        return NO_CONTENT
      },
    }),
  ]
}
