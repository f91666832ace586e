import type { ConversationId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { Channel, TopicDefinition } from '../../realtime/index.ts'
import type { PushOrder } from './push-order.ts'
import type { Attendee } from './rooms.ts'

export interface ChatState {
  conversationId: ConversationId
  attendee: Attendee | null
  order: PushOrder
  /** When others were last told that the user types here; 0 while they do not. */
  typingSince: number
}

export type ChatChannel = Channel<Actor, ChatState>

/** Some of what clients push on `chat:`. */
export type ChatEvents = TopicDefinition<Actor, ConversationId, ChatState>['events']
