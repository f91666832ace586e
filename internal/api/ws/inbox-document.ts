import { z } from 'zod'
import type { TopicDocument } from '../../realtime/index.ts'
import type { RemovalReason } from '../../service/live/ports.ts'
import { conversationSchema, messageSchema } from '../http/conversation-schema.ts'
import { conversationId } from '../http/fields.ts'
import { settingsSchema } from '../http/notification-settings.ts'
import { syncAnswer } from '../http/sync.ts'
import { ownUserSchema } from '../http/user-schema.ts'
import { INBOX_TOPIC } from './topic-names.ts'

const REASONS = ['left', 'removed', 'deleted'] as const satisfies readonly RemovalReason[]

const ofConversation = z.object({ conversation: conversationSchema })

/** What is said of `user:inbox`. */
export const inboxDocument: TopicDocument = {
  summary: "The signed-in user's own stream; one name for everybody",
  address: INBOX_TOPIC,
  join: {
    payload: z.object({}),
    reply: z.object({
      user: ownUserSchema,
      conversations: z.array(conversationSchema),
      nextCursor: z.string().nullable(),
    }),
  },
  pushes: {
    sync: { summary: 'What you missed in all of your conversations, as POST /sync', reply: syncAnswer },
  },
  sends: {
    'inbox:message': {
      summary: 'A message in a conversation whose topic this socket has not joined',
      payload: z.object({ message: messageSchema }),
    },
    'inbox:changed': {
      summary: 'A change in a conversation whose topic this socket has not joined',
      payload: z.object({ conversationId, rev: z.int().min(0) }),
    },
    'inbox:read': {
      summary: 'Another of your devices has read up to here',
      payload: z.object({ conversationId, readSeq: z.int().min(0) }),
    },
    'conversation:new': { summary: 'You are in a conversation that is new to you', payload: ofConversation },
    'conversation:updated': { summary: 'A conversation as you see it now', payload: ofConversation },
    'conversation:removed': {
      summary: 'You are no longer in it; nothing more comes of it',
      payload: z.object({ conversationId, reason: z.enum(REASONS) }),
    },
    'settings:updated': {
      summary: 'What you want to be told was changed',
      payload: z.object({ settings: settingsSchema }),
    },
  },
}
