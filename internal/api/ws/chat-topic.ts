import type { ConversationId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { TopicDefinition } from '../../realtime/index.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import type { CatchUp } from '../../service/message/history.ts'
import { parsing } from '../parsing.ts'
import type { ChatState } from './chat-channel.ts'
import { chatDocument, chatJoin } from './chat-document.ts'
import { type ChatEventsDeps, chatEvents } from './chat-events.ts'
import type { Live } from './live.ts'
import { PushOrder } from './push-order.ts'
import { conversationOf } from './topic-names.ts'
import { stopTyping } from './typing-events.ts'

export interface ChatTopicDeps extends ChatEventsDeps {
  conversations: Pick<Conversations, 'get'>
  live: Live
}

const joinPayload = parsing(chatJoin)

/** `chat:<conversationId>`: a conversation, live. */
export function chatTopicDefinition(deps: ChatTopicDeps): TopicDefinition<Actor, ConversationId, ChatState> {
  const { history, live } = deps
  return {
    name: 'chat',
    scope: 'messages:read',
    match: conversationOf,
    assigns: (id) => ({ conversationId: id, attendee: null, order: new PushOrder(), typingSince: 0 }),

    join: async (channel, id, payload) => {
      const { seq, rev, epoch } = joinPayload.parse(payload)
      const cursor = seq == null ? null : { seq, rev: rev ?? null, epoch: epoch ?? null }
      const attendee = live.beginJoin(channel, id)
      channel.state.attendee = attendee
      const { actor } = channel.connection
      const [caughtUp, conversation] = await Promise.all([
        history.catchUp(id, actor.userId, cursor),
        deps.conversations.get(actor, id),
      ])
      live.opened(attendee, caughtUp.standpoint)
      return {
        response: { conversation, ...replyOf(caughtUp) },
        afterReply: () => live.joined(attendee),
      }
    },

    relieved: ({ state }) => {
      if (state.attendee) live.relieved(state.attendee)
    },

    leave: (channel) => {
      stopTyping(deps.typing.publisher, channel)
      if (channel.state.attendee) live.left(channel.state.attendee)
    },

    events: chatEvents(deps),
    document: chatDocument,
  }
}

/** `seq` and `rev` are the cursor to come back with: what the reply reaches. */
function replyOf({ standpoint, seq, rev, messages, changes, hidden, more, reset }: CatchUp): object {
  const sometimes = { ...(reset ? { reset } : {}), ...(hidden.length > 0 ? { hidden } : {}) }
  return { seq, rev, epoch: standpoint.epoch, messages, changes, more, ...sometimes }
}
