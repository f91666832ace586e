import { z } from 'zod'
import type { ConversationId, MessageId, Seq } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import { type Channel, type EventDefinition, event } from '../../realtime/index.ts'
import type { ReceiptPlace, Receipts } from '../../service/receipt/receipts.ts'
import { messageId } from '../http/fields.ts'
import { parsing } from '../parsing.ts'

const place = parsing(
  z
    .strictObject({ seq: z.int().min(0).nullish(), messageId: messageId.nullish() })
    .refine(({ seq, messageId: id }) => (seq == null) !== (id == null), {
      path: ['seq'],
      message: 'give either seq or messageId',
    }),
)

/** `message:delivered` and `message:read`; they reach the same place in whatever order they take effect. */
export function receiptEvents<State extends { conversationId: ConversationId }>(
  receipts: Pick<Receipts, 'read' | 'delivered'>,
): Record<string, EventDefinition<Actor, State, unknown>> {
  const moves = (kind: 'read' | 'delivered') =>
    event({
      schema: place,
      scope: 'messages:write',
      handle: ({ connection, state }: Channel<Actor, State>, payload) =>
        receipts[kind](connection.actor, state.conversationId, placeOf(payload), connection.id),
    })
  return { 'message:delivered': moves('delivered'), 'message:read': moves('read') }
}

function placeOf({
  seq,
  messageId: id,
}: {
  seq?: Seq | null | undefined
  messageId?: MessageId | null | undefined
}): ReceiptPlace {
  return id == null ? { seq: seq ?? 0 } : { messageId: id }
}
