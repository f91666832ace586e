import type { ChatEvent, MessageCreated } from '../domain/event.ts'
import type { UserId } from '../domain/ids.ts'
import type { NotificationSettings, NotifyLevel } from '../domain/notification.ts'
import type { Membership, NoReason, PushReason, Recipient } from './ports.ts'

/** Why somebody may want to be told of an event, and how it is to be told. */
export interface Wish {
  reason: PushReason
  /** It concerns them more than any other member. */
  personal: boolean
  /** Somebody online gets the time to read it, is not told at all, or is told all the same. */
  whenOnline: 'wait' | 'skip' | 'push'
  overridesQuiet: boolean
  /** There is text that previews show. */
  hasText: boolean
}

const ALERT = { whenOnline: 'push', overridesQuiet: true, hasText: false } as const

/** What the recipient's wishes say about an event that nothing else forbids. */
export function wishOf(event: ChatEvent, recipient: Recipient, nowMs: number): Wish | NoReason {
  if (event.kind === 'sign_in') return { reason: 'sign_in', personal: true, ...ALERT }
  if (event.kind === 'read') return { reason: 'read_elsewhere', personal: true, ...ALERT }
  const { membership, settings, userId } = recipient
  if (membership === null) return 'not_member'
  if (membership.mutedUntilMs !== null && membership.mutedUntilMs > nowMs) return 'muted'
  const level = levelOf(membership, settings)
  if (level === 'none') return 'notifications_off'
  if (event.kind === 'call_missed') {
    return { reason: 'call_missed', personal: true, ...ALERT, overridesQuiet: false }
  }
  if (event.kind === 'reaction') {
    if (event.authorId !== userId) return 'not_concerned'
    if (!settings.reactions) return 'reactions_off'
    const reason = 'reaction'
    return { reason, personal: true, whenOnline: 'skip', overridesQuiet: false, hasText: true }
  }
  return messageWish(event, { userId, membership, settings, level })
}

function messageWish(
  { message }: MessageCreated,
  {
    level,
    ...recipient
  }: { userId: UserId; membership: Membership; settings: NotificationSettings; level: NotifyLevel },
): Wish | NoReason {
  const reason = messageReason(message, recipient)
  const called = reason !== 'message' && reason !== 'direct'
  if (level === 'mentions' && !called) return 'not_mentioned'
  // What is not text to the server is never shown: system messages have words of their own.
  const hasText = message.type === 'text' || message.type === 'media'
  return { reason, personal: reason !== 'message', whenOnline: 'wait', overridesQuiet: false, hasText }
}

function messageReason(
  { type, mentions, replyTo }: MessageCreated['message'],
  {
    userId,
    membership,
    settings,
  }: { userId: UserId; membership: Membership; settings: NotificationSettings },
): PushReason {
  if (type === 'system') return 'added'
  if (mentions.all || mentions.userIds.includes(userId)) return 'mentioned'
  if (replyTo?.senderId === userId) return 'replied'
  if (membership.followsThread && settings.threads) return 'thread'
  return membership.kind === 'direct' ? 'direct' : 'message'
}

/** A conversation's own setting narrows the user's, and never widens it. */
function levelOf({ kind, notify }: Membership, { direct, groups }: NotificationSettings): NotifyLevel {
  const own = kind === 'direct' ? direct : groups
  if (own === 'none' || notify === 'none') return 'none'
  return own === 'mentions' || notify === 'mentions' ? 'mentions' : 'all'
}
