import { z } from 'zod'
import { invalid } from '../../domain/errors.ts'
import type { ConversationId, Seq } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import { type Channel, event, type TopicDefinition } from '../../realtime/topic.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import { type History, newest, type Reading } from '../../service/message/history.ts'
import type { Messages } from '../../service/message/messages.ts'
import type { SeqRange } from '../../service/message/ports.ts'
import { conversationId } from '../http/fields.ts'
import { historyPayload, pageQueryOf, sendBody, sendInputOf } from '../message-input.ts'
import { parsing } from '../parsing.ts'
import type { Live } from './live.ts'
import type { JoinBuffer } from './rooms.ts'
import { conversationOf } from './topic-names.ts'

export interface ChatTopicDeps {
  conversations: Conversations
  history: History
  live: Live
  messages: Messages
}

interface ChatState {
  conversationId: ConversationId
  buffer: JoinBuffer | null
}

type ChatChannel = Channel<Actor, ChatState>

const NEWEST = 50
const MISSED_MAX = 200

// Beyond these, clients send their own parameters with every join.
const joinPayload = parsing(
  z.object({
    seq: z.int().min(0).nullish(),
    rev: z.int().min(0).nullish(),
    epoch: z.string().max(100).nullish(),
  }),
)

const sendPayload = parsing(sendBody.extend({ conversationId: conversationId.nullish() }))

/** `chat:<conversationId>`: a conversation, live. */
export function chatTopicDefinition(deps: ChatTopicDeps): TopicDefinition<Actor, ConversationId, ChatState> {
  const { history, live, messages } = deps
  return {
    name: 'chat',
    scope: 'messages:read',
    match: conversationOf,
    assigns: (id) => ({ conversationId: id, buffer: null }),

    join: async (channel, id, payload) => {
      const cursor = joinPayload.parse(payload)
      const buffer = live.beginJoin(id)
      channel.state.buffer = buffer
      const reading = await readFrom(history, channel, cursor.seq ?? null, cursor.epoch ?? null)
      const conversation = await deps.conversations.get(channel.connection.actor, id)
      live.opened(id, reading.window.seq)
      return {
        response: { conversation, ...joinReply(reading) },
        afterReply: () => {
          for (const entry of live.joined(id, buffer, reading.window.seq, channel.connection.id)) {
            channel.pushJson('message:new', entry.messageJson)
          }
          // Published clients queue every presence_diff until they have seen a state.
          channel.push('presence_state', {})
        },
      }
    },

    leave: ({ state }) => {
      if (state.buffer) live.left(state.conversationId, state.buffer)
    },

    events: {
      'message:send': event({
        schema: sendPayload,
        scope: 'messages:write',
        handle: async ({ connection, state }: ChatChannel, payload) => {
          if (payload.conversationId && payload.conversationId !== state.conversationId) {
            throw invalid('conversationId', 'is not this topic')
          }
          const input = sendInputOf(payload)
          const sent = await messages.send(connection.actor, state.conversationId, input, connection.id)
          return sent.duplicate ? sent : { message: sent.message }
        },
      }),
      history: event({
        schema: parsing(historyPayload),
        scope: 'messages:read',
        handle: ({ connection, state }: ChatChannel, payload) =>
          messages.page(connection.actor, state.conversationId, pageQueryOf(payload)),
      }),
    },
  }
}

interface ChatReading extends Reading {
  /** The client's cursor is of another history: what it has is to be discarded. */
  reset: boolean
}

async function readFrom(
  history: History,
  { connection, state }: ChatChannel,
  after: Seq | null,
  epoch: string | null,
): Promise<ChatReading> {
  // A join does not fail for the archive's sake: people chat on, and pull the rest when it is back.
  const read = (range: SeqRange & { anchor: 'before' | 'after' }) =>
    history.readReachable(state.conversationId, connection.actor.userId, range)
  if (after === null) return { ...(await read(newest(NEWEST))), reset: false }
  const reading = await read({ anchor: 'after', seq: after, limit: MISSED_MAX })
  const isKnown = (epoch === null || epoch === reading.window.epoch) && after <= reading.window.seq
  if (isKnown) return { ...reading, reset: false }
  return { ...(await read(newest(NEWEST))), reset: true }
}

/** `seq` is the cursor to come back with: the last of `messages` while there is more to pull. */
function joinReply({ window, messages, reset }: ChatReading): object {
  const { seq, rev, epoch, to } = window
  const more = to < seq
  return { seq: more ? to : seq, rev, epoch, messages, changes: [], more, ...(reset ? { reset } : {}) }
}
