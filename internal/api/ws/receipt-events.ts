import { z } from 'zod'
import type { ConversationId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import { event, type TopicDefinition } from '../../realtime/topic.ts'
import type { Receipts } from '../../service/receipt/receipts.ts'
import { messageId } from '../http/fields.ts'
import { parsing } from '../parsing.ts'
import type { ChatChannel, ChatState } from './chat-events.ts'

const place = parsing(z.union([z.strictObject({ seq: z.int().min(0) }), z.strictObject({ messageId })]))

/** `message:delivered` and `message:read`; they reach the same place in whatever order they take effect. */
export function receiptEvents(
  receipts: Pick<Receipts, 'read' | 'delivered'>,
): TopicDefinition<Actor, ConversationId, ChatState>['events'] {
  const moves = (kind: 'read' | 'delivered') =>
    event({
      schema: place,
      scope: 'messages:write',
      handle: ({ connection, state }: ChatChannel, payload) =>
        receipts[kind](connection.actor, state.conversationId, payload, connection.id),
    })
  return { 'message:delivered': moves('delivered'), 'message:read': moves('read') }
}
