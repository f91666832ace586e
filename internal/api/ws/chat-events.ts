import { z } from 'zod'
import type { MessageId } from '../../domain/ids.ts'
import { event } from '../../realtime/index.ts'
import type { History } from '../../service/message/history.ts'
import type { MessageChanges } from '../../service/message/message-changes.ts'
import type { Messages } from '../../service/message/messages.ts'
import type { Receipts } from '../../service/receipt/receipts.ts'
import { messageId } from '../http/fields.ts'
import {
  deleteScope,
  editBody,
  emojiField,
  historyPayload,
  mentionsOf,
  pageQueryOf,
  sendBody,
  sendInputOf,
} from '../message-input.ts'
import { parsing } from '../parsing.ts'
import type { ChatChannel, ChatEvents } from './chat-channel.ts'
import { receiptEvents } from './receipt-events.ts'
import { type TypingDeps, typingEvents } from './typing-events.ts'

export interface ChatEventsDeps {
  messages: Pick<Messages, 'send' | 'page'>
  changes: Pick<MessageChanges, 'edit' | 'erase' | 'hide' | 'react'>
  history: Pick<History, 'catchUp' | 'changes'>
  typing: TypingDeps
  receipts: Pick<Receipts, 'read' | 'delivered'>
}

const WRITE = { scope: 'messages:write' } as const
const READ = { scope: 'messages:read' } as const

const sendPayload = parsing(sendBody)
const editPayload = parsing(editBody.extend({ messageId }))
const deletePayload = parsing(z.strictObject({ messageId, scope: deleteScope }))
const reactionPayload = parsing(z.strictObject({ messageId, emoji: emojiField }))
const changesPayload = parsing(z.strictObject({ after: z.int().min(0) }))

/** What clients push on `chat:`. */
export function chatEvents(deps: ChatEventsDeps): ChatEvents {
  return {
    ...messageEvents(deps),
    ...changeEvents(deps.changes),
    ...receiptEvents(deps.receipts),
    ...typingEvents(deps.typing),
    ...readEvents(deps),
  }
}

function messageEvents({ messages }: ChatEventsDeps): ChatEvents {
  return {
    'message:send': event({
      ...WRITE,
      schema: sendPayload,
      handle: async ({ connection, state }: ChatChannel, payload) => {
        const input = sendInputOf(payload, state.conversationId)
        const origin = { connection: connection.id }
        const sent = await state.order.send(() =>
          messages.send(connection.actor, state.conversationId, input, origin),
        )
        return sent.duplicate ? sent : { message: sent.message }
      },
    }),
  }
}

function changeEvents(changes: ChatEventsDeps['changes']): ChatEvents {
  const react = (added: boolean) =>
    event({
      ...WRITE,
      schema: reactionPayload,
      handle: async (channel: ChatChannel, payload) => ({
        reactions: await inOrder(channel, () =>
          changes.react(target(channel, payload.messageId), payload.emoji, added),
        ),
      }),
    })
  return {
    'message:edit': event({
      ...WRITE,
      schema: editPayload,
      handle: async (channel: ChatChannel, payload) => ({
        message: await inOrder(channel, () =>
          changes.edit(target(channel, payload.messageId), payload.content, mentionsOf(payload.mentions)),
        ),
      }),
    }),
    'message:delete': event({
      ...WRITE,
      schema: deletePayload,
      handle: (channel: ChatChannel, payload) =>
        inOrder(channel, async () => {
          const at = target(channel, payload.messageId)
          if (payload.scope === 'everyone') return { message: await changes.erase(at) }
          await changes.hide(at)
          return { message: null }
        }),
    }),
    'message:reaction:add': react(true),
    'message:reaction:remove': react(false),
  }
}

function readEvents({ messages, history }: ChatEventsDeps): ChatEvents {
  return {
    history: event({
      ...READ,
      schema: parsing(historyPayload),
      handle: ({ connection, state }: ChatChannel, payload) =>
        messages.page(connection.actor, state.conversationId, pageQueryOf(payload)),
    }),
    changes: event({
      ...READ,
      schema: changesPayload,
      handle: ({ connection, state }: ChatChannel, payload) =>
        history.changes(state.conversationId, connection.actor.userId, payload.after),
    }),
  }
}

function inOrder<Result>({ state }: ChatChannel, work: () => Promise<Result>): Promise<Result> {
  return state.order.change(work)
}

function target({ connection, state }: ChatChannel, id: MessageId) {
  return {
    actor: connection.actor,
    conversationId: state.conversationId,
    messageId: id,
    origin: connection.id,
  }
}
