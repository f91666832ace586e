import { type ConversationId, isUuid } from '../../domain/ids.ts'

/** What happens in all of one's conversations. */
export const INBOX_TOPIC = 'user:inbox'

const CHAT = 'chat:'

export function chatTopic(id: ConversationId): string {
  return CHAT + id
}

/** Ids are lower case: broadcasts go by the topic's name, and in another case nobody would hear them. */
export function conversationOf(topic: string): ConversationId | null {
  const id = topic.slice(CHAT.length)
  return topic.startsWith(CHAT) && isUuid<ConversationId>(id) ? id : null
}
