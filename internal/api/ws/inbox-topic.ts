import type { ConversationId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Channel, TopicDefinition } from '../../realtime/topic.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import type { UserService } from '../../service/user/users.ts'
import { INBOX_TOPIC, type Inbox, type Live } from './live.ts'

export interface InboxTopicDeps {
  conversations: Conversations
  users: UserService
  live: Live
  onError(error: unknown): void
}

interface InboxState {
  inbox: Inbox | null
  /** Conversations made while the join was being answered. */
  created: ConversationId[] | null
}

const CONVERSATIONS = 50

/** `user:inbox`: what happens in all of one's conversations. */
export function inboxTopicDefinition(deps: InboxTopicDeps): TopicDefinition<Actor, true, InboxState> {
  const { conversations, users, live } = deps

  const announce = (channel: Channel<Actor, InboxState>, inbox: Inbox, id: ConversationId) => {
    conversations.get(channel.connection.actor, id).then((conversation) => {
      if (channel.isEnded) return
      live.follow(inbox, [conversation])
      channel.push('conversation:new', { conversation })
    }, deps.onError)
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
        conversationCreated: (id) => {
          if (state.created) state.created.push(id)
          else announce(channel, inbox, id)
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
          for (const id of created) announce(channel, inbox, id)
        },
      }
    },

    leave: ({ connection, state }) => {
      if (state.inbox) live.closeInbox(connection.actor.userId, state.inbox)
    },

    events: {},
  }
}
