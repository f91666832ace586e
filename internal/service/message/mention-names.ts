import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { Mentions } from '../../domain/message.ts'
import type { MemberNames } from './ports.ts'

/** Who a sender says is meant, beside what the text says. */
export interface MentionsInput {
  userIds: UserId[]
  all: boolean
}

export const NO_MENTIONS: Mentions = { userIds: [], all: false }

/** Users that one message may call by name. */
export const MENTIONS_MAX = 100

// Not within a word, so that addresses of mail name nobody; a username neither ends nor doubles its marks.
const NAME = /(?<![\p{L}\p{N}._@-])@([A-Za-z0-9](?:[A-Za-z0-9]|[._-](?=[A-Za-z0-9])){0,31})/gu

export interface Named {
  mentions: Mentions
  /** Whose counters tell them: those named who have not blocked the sender; null for all. */
  told: (UserId | null)[]
}

export function namesNobody(content: string, given: MentionsInput | null): boolean {
  return !content.includes('@') && !given?.all && !given?.userIds.length
}

/**
 * The members that a text and its sender name; others are left out without a word, as a text may name anybody.
 * `@all` calls all of a group.
 */
export async function namedIn(
  names: MemberNames,
  sender: { conversationId: ConversationId; senderId: UserId; isGroup: boolean },
  content: string,
  given: MentionsInput | null,
): Promise<Named> {
  const written = new Set([...content.matchAll(NAME)].map(([, name]) => (name ?? '').toLowerCase()))
  const all = sender.isGroup && (written.delete('all') || (given?.all ?? false))
  const usernames = [...written].slice(0, MENTIONS_MAX)
  const ids = (given?.userIds ?? []).slice(0, MENTIONS_MAX)
  const found =
    usernames.length + ids.length > 0
      ? await names.named(sender.conversationId, sender.senderId, ids, usernames)
      : []
  const told = found.filter(({ id, hasBlocked }) => !hasBlocked && id !== sender.senderId).map(({ id }) => id)
  return {
    mentions: { userIds: found.map(({ id }) => id), all },
    told: all ? [null, ...told] : told,
  }
}
