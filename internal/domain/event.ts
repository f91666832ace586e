import type { ConversationId, MessageId, Rev, Seq, SessionId, UserId } from './ids.ts'
import type { Message } from './message.ts'

/**
 * What the log tells the world after the fact, at least once per log row: the same row always gives the
 * same `id`, whoever publishes it and however often.
 */
export interface MessageCreated {
  /** `<conversationId>:<era>:s<seq>`. */
  id: string
  kind: 'message'
  conversationId: ConversationId
  seq: Seq
  message: Message
}

/** Somebody reacted to a message. Taking a reaction away is no event. */
export interface ReactionAdded {
  /** `<conversationId>:<era>:r<rev>`. */
  id: string
  kind: 'reaction'
  conversationId: ConversationId
  /** The message's, as its id and its author. */
  seq: Seq
  messageId: MessageId
  authorId: UserId
  /** The change's. */
  rev: Rev
  actorId: UserId
  emoji: string
  /** RFC 3339 UTC with milliseconds, in every event. */
  at: string
}

/** A call that somebody did not take. */
export interface CallMissed {
  /** `<conversationId>:call:<callId>`. */
  id: string
  kind: 'call_missed'
  conversationId: ConversationId
  callerId: UserId
  userIds: UserId[]
  at: string
}

/** Somebody signed in on a device that was not signed in before. */
export interface SignedIn {
  /** `sign-in:<sessionId>`. */
  id: string
  kind: 'sign_in'
  userId: UserId
  sessionId: SessionId
  deviceName: string
  at: string
}

/** What a user's devices may still show was read on one of them. */
export interface ReadElsewhere {
  /** `<conversationId>:read:<userId>:<seq>`. */
  id: string
  kind: 'read'
  conversationId: ConversationId
  userId: UserId
  /** Read up to here. */
  seq: Seq
  at: string
}

export type ChatEvent = MessageCreated | ReactionAdded | CallMissed | SignedIn | ReadElsewhere
export type EventKind = ChatEvent['kind']

export const EVENT_KINDS = ['message', 'reaction', 'call_missed', 'sign_in', 'read'] as const

/** When it happened, RFC 3339 UTC with milliseconds. */
export function eventTime(event: ChatEvent): string {
  return event.kind === 'message' ? event.message.createdAt : event.at
}

/** Who did it; null for what happens to oneself. */
export function eventActor(event: ChatEvent): UserId | null {
  switch (event.kind) {
    case 'message':
      return event.message.senderId
    case 'reaction':
      return event.actorId
    case 'call_missed':
      return event.callerId
    default:
      return null
  }
}

export function eventConversation(event: ChatEvent): ConversationId | null {
  return event.kind === 'sign_in' ? null : event.conversationId
}

/** The message it is about, by its place; null for none. */
export function eventSeq(event: ChatEvent): Seq | null {
  return event.kind === 'sign_in' || event.kind === 'call_missed' ? null : event.seq
}
