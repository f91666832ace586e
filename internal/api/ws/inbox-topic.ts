import { DomainError } from '../../domain/errors.ts'
import type { Actor } from '../../domain/user.ts'
import { type Channel, event, type TopicDefinition } from '../../realtime/index.ts'
import type { Conversations } from '../../service/conversation/conversations.ts'
import type { Sync } from '../../service/sync/sync.ts'
import type { UserService } from '../../service/user/users.ts'
import { cursorsOf, syncBody } from '../http/sync.ts'
import { parsing } from '../parsing.ts'
import { inboxDocument } from './inbox-document.ts'
import type { Inbox } from './inboxes.ts'
import type { Live } from './live.ts'
import { INBOX_TOPIC } from './topic-names.ts'

export interface InboxTopicDeps {
  conversations: Pick<Conversations, 'list' | 'memberships'>
  users: Pick<UserService, 'me'>
  sync: Pick<Sync, 'sync'>
  live: Live
}

export interface InboxState {
  inbox: Inbox | null
}

const CONVERSATIONS = 50

/** `user:inbox`: what happens in all of one's conversations. */
export function inboxTopicDefinition(deps: InboxTopicDeps): TopicDefinition<Actor, true, InboxState> {
  const { conversations, users, live } = deps
  return {
    name: 'inbox',
    // It brings every message, whichever conversation it is in.
    scope: 'messages:read',
    match: (topic) => (topic === INBOX_TOPIC ? true : null),
    assigns: () => ({ inbox: null }),

    join: async (channel) => {
      const { actor } = channel.connection
      if (!actor.scopes.has('conversations:read')) {
        throw new DomainError('forbidden', 'This needs the scope conversations:read.')
      }
      const inbox = live.openInbox(channel)
      channel.state.inbox = inbox
      const [user, page, memberships] = await Promise.all([
        users.me(actor),
        conversations.list(actor, CONVERSATIONS, null),
        conversations.memberships(actor),
      ])
      live.follow(inbox, memberships)
      return {
        response: { user, conversations: page.items, nextCursor: page.nextCursor },
        afterReply: () => live.inboxJoined(inbox),
      }
    },

    leave: ({ state }) => {
      if (state.inbox) live.closeInbox(state.inbox)
    },

    events: {
      sync: event({
        schema: parsing(syncBody),
        scope: 'messages:read',
        handle: ({ connection }: Channel<Actor, InboxState>, payload) =>
          deps.sync.sync(connection.actor, cursorsOf(payload)),
      }),
    },
    document: inboxDocument,
  }
}
