import type { ConversationId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Channel, TopicDefinition } from '../../realtime/topic.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import type { UserService } from '../../service/user/users.ts'
import type { Inbox, Live } from './live.ts'
import type { JoinBuffer } from './rooms.ts'
import { INBOX_TOPIC } from './topic-names.ts'

export interface InboxTopicDeps {
  conversations: Conversations
  users: UserService
  live: Live
  onError(error: unknown): void
}

interface InboxState {
  inbox: Inbox | null
  /** Conversations made while the join was being answered. */
  created: NewConversation[] | null
}

interface NewConversation {
  id: ConversationId
  buffer: JoinBuffer
}

const CONVERSATIONS = 50

type InboxChannel = Channel<Actor, InboxState>

/** `user:inbox`: what happens in all of one's conversations. */
export function inboxTopicDefinition(deps: InboxTopicDeps): TopicDefinition<Actor, true, InboxState> {
  const { conversations, users, live } = deps

  // The conversation first, then its messages above the seq it was shown with.
  const announce = async (channel: InboxChannel, inbox: Inbox, { id, buffer }: NewConversation) => {
    try {
      const conversation = await conversations.get(channel.connection.actor, id)
      if (channel.isEnded) return
      live.opened(id, conversation.seq)
      channel.push('conversation:new', { conversation })
      live.follow(inbox, [conversation])
      for (const { messageJson } of live.joined(id, buffer, conversation.seq, null)) {
        channel.pushJson('inbox:message', `{"message":${messageJson}}`)
      }
    } catch (error) {
      // Else nobody would tell of the conversation: whoever joins anew has it in the reply.
      channel.fail('resync')
      throw error
    } finally {
      live.left(id, buffer)
    }
  }

  return {
    name: 'inbox',
    scope: 'conversations:read',
    match: (topic) => (topic === INBOX_TOPIC ? true : null),
    assigns: () => ({ inbox: null, created: [] }),

    join: async (channel) => {
      const { connection, state } = channel
      const inbox: Inbox = {
        connection,
        rooms: new Set(),
        conversationCreated: (id, buffer) => {
          if (state.created) state.created.push({ id, buffer })
          else announce(channel, inbox, { id, buffer }).catch(deps.onError)
        },
      }
      state.inbox = inbox
      live.openInbox(connection.actor.userId, inbox)
      const [user, page, memberships] = await Promise.all([
        users.me(connection.actor),
        conversations.list(connection.actor, CONVERSATIONS, null),
        conversations.memberships(connection.actor),
      ])
      live.follow(inbox, memberships)
      return {
        response: { user, conversations: page.items, nextCursor: page.nextCursor },
        afterReply: () => {
          const created = state.created ?? []
          state.created = null
          for (const one of created) announce(channel, inbox, one).catch(deps.onError)
        },
      }
    },

    leave: ({ connection, state }) => {
      for (const { id, buffer } of state.created ?? []) live.left(id, buffer)
      state.created = []
      if (state.inbox) live.closeInbox(connection.actor.userId, state.inbox)
    },

    events: {},
  }
}
