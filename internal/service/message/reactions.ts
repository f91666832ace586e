import { DomainError } from '../../domain/errors.ts'
import type { UserId } from '../../domain/ids.ts'
import type { ReactionSummary } from '../../domain/message.ts'

/** Users listed with a reaction; the others are counted. */
const LISTED_MAX = 10
/** Different reactions to one message. */
const KINDS_MAX = 50

export function withReaction(
  reactions: readonly ReactionSummary[],
  emoji: string,
  userId: UserId,
): ReactionSummary[] {
  const found = reactions.find((reaction) => reaction.emoji === emoji)
  if (!found) {
    if (reactions.length >= KINDS_MAX) {
      throw new DomainError('conflict', 'There are too many different reactions to this message.')
    }
    return [...reactions, { emoji, count: 1, userIds: [userId] }]
  }
  const userIds = found.userIds.length < LISTED_MAX ? [...found.userIds, userId] : found.userIds
  const next = { emoji, count: found.count + 1, userIds }
  return reactions.map((reaction) => (reaction === found ? next : reaction))
}

/** `others` finds users who reacted so, for the place that becomes free in the list. */
export async function withoutReaction(
  reactions: readonly ReactionSummary[],
  emoji: string,
  userId: UserId,
  others: (limit: number) => Promise<UserId[]>,
): Promise<ReactionSummary[]> {
  const found = reactions.find((reaction) => reaction.emoji === emoji)
  if (!found) return [...reactions]
  if (found.count <= 1) return reactions.filter((reaction) => reaction !== found)
  const userIds = found.userIds.filter((id) => id !== userId)
  const count = found.count - 1
  if (userIds.length < Math.min(count, LISTED_MAX)) {
    const known = new Set([...userIds, userId])
    for (const id of await others(LISTED_MAX + 2)) {
      if (userIds.length < LISTED_MAX && !known.has(id)) userIds.push(id)
    }
  }
  const next = { emoji, count, userIds }
  return reactions.map((reaction) => (reaction === found ? next : reaction))
}
