import { z } from 'zod'
import { event } from '../../realtime/index.ts'
import { type AccessCache, sendRefusal } from '../../service/message/access-cache.ts'
import { parsing } from '../parsing.ts'
import type { ChatChannel, ChatEvents } from './chat-channel.ts'
import type { LivePublisher } from './live-publisher.ts'

export interface TypingDeps {
  access: Pick<AccessCache, 'get'>
  publisher: Pick<LivePublisher, 'typing'>
  now(): number
}

/** Other nodes are told again after this, well before they take it to have ended. */
const REPEAT_MS = 2000

const nothing = parsing(z.strictObject({}))

/** `typing:start` and `typing:stop`, by those who may send. */
export function typingEvents({ access, publisher, now }: TypingDeps): ChatEvents {
  return {
    'typing:start': event({
      schema: nothing,
      scope: 'messages:write',
      handle: async ({ connection, state }: ChatChannel) => {
        if (now() - state.typingSince < REPEAT_MS) return {}
        state.typingSince = now()
        const { userId } = connection.actor
        const { conversationId } = state
        const found = await access.get(conversationId, userId, true)
        const refusal = sendRefusal(found)
        if (refusal) throw refusal
        const { memberVersion } = found
        publisher.typing({
          conversationId,
          memberVersion,
          typist: userId,
          isTyping: true,
          origin: connection.id,
        })
        return {}
      },
    }),
    'typing:stop': event({
      schema: nothing,
      scope: 'messages:write',
      handle: (channel: ChatChannel) => {
        stopTyping(publisher, channel)
        return {}
      },
    }),
  }
}

/** Also when the channel ends. */
export function stopTyping(publisher: TypingDeps['publisher'], { connection, state }: ChatChannel): void {
  if (state.typingSince === 0) return
  state.typingSince = 0
  const { conversationId } = state
  const { actor, id: origin } = connection
  publisher.typing({ conversationId, memberVersion: 0, typist: actor.userId, isTyping: false, origin })
}
