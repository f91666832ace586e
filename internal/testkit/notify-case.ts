import type { ChatEvent } from '../domain/event.ts'
import type { MessageId, SessionId, UserId } from '../domain/ids.ts'
import type { Message } from '../domain/message.ts'
import {
  DEFAULT_NOTIFICATION_SETTINGS,
  type NotificationSettings,
  type QuietHours,
  WEEKDAYS,
} from '../domain/notification.ts'
import type { DeviceId } from '../domain/push.ts'
import { type Decision, decide } from '../notifier/decide.ts'
import type { Circumstances, Device, Membership, Recipient } from '../notifier/ports.ts'
import { messageEvent } from './events.ts'

/** A Saturday, 12:00 UTC. */
export const NOW = Date.UTC(2026, 10, 21, 12)
export const ann = '01900000-0000-7000-8000-00000000000a' as UserId
export const bob = '01900000-0000-7000-8000-00000000000b' as UserId
export const cid = '01900000-0000-7000-8000-00000000000c' as UserId
export const here = '01900000-0000-7000-8000-0000000000e1' as SessionId
const CREATED = { createdAt: new Date(NOW - 1000).toISOString() }

export type DeviceChoice = Pick<Device, 'id' | 'sessionId' | 'platform' | 'notify' | 'previews'>
export function device(name: string, more: Partial<DeviceChoice> = {}): DeviceChoice {
  const id = `01900000-0000-7000-8000-0000000000${name}` as DeviceId
  return { id, sessionId: null, platform: 'android', notify: 'all', previews: true, ...more }
}
export const phone = device('f1')
export const tablet = device('f2')

/** Bob's, unless a case says otherwise: in a group, seq 10 is sent, he has read 9, has a phone and is away. */
export interface Case {
  to?: UserId
  event?: ChatEvent
  message?: Partial<Message>
  recipient?: Partial<Recipient>
  member?: Partial<Membership>
  settings?: Partial<NotificationSettings>
  devices?: DeviceChoice[]
  now?: Partial<Circumstances>
}

const MEMBER: Membership = {
  kind: 'group',
  joinedSeq: 0,
  readSeq: 9,
  mutedUntilMs: null,
  notify: 'all',
  followsThread: false,
}

export function decisions(given: Case): Decision[] {
  const message = { ...CREATED, ...given.message }
  return decide(
    given.event ?? messageEvent({ senderId: ann, seq: 10, message }),
    {
      userId: given.to ?? bob,
      status: 'active',
      blocksActor: false,
      hasEmail: true,
      hasDevice: true,
      settings: { ...DEFAULT_NOTIFICATION_SETTINGS, ...given.settings },
      membership: { ...MEMBER, ...given.member },
      ...given.recipient,
    },
    given.devices ?? [phone],
    {
      nowMs: NOW,
      online: false,
      graceOver: false,
      deleted: false,
      withdrawn: false,
      mailing: true,
      ...given.now,
    },
  )
}

/** `push f1 mentioned`, `push f1 mentioned, no text`, `none read`, `mail direct in 900 s`. */
export function inWords(decision: Decision): string {
  const words = [decision.outcome, decision.device?.slice(-2), decision.reason].filter(Boolean).join(' ')
  if (decision.outcome === 'push') return decision.preview ? words : `${words}, no text`
  if (decision.outcome === 'digest') return `mail ${decision.reason} in ${(decision.dueAtMs - NOW) / 1000} s`
  return decision.channel === 'email' ? `no mail: ${decision.reason}` : words
}

export const mentionsBob = { mentions: { userIds: [bob], all: false } }
export const mentionsCid = { mentions: { userIds: [cid], all: false } }
export const mentionsAll = { mentions: { userIds: [], all: true } }
export const quotes = (senderId: UserId) => ({
  replyTo: { id: 'm' as MessageId, seq: 3, senderId, excerpt: '' },
})
export const direct = { kind: 'direct' } as const
export const noon: QuietHours = { start: '11:00', end: '13:00', timeZone: 'UTC', days: [...WEEKDAYS] }
export const encrypted = { type: 'encrypted' } as unknown as Partial<Message>
export const adds = (actorId: UserId, ...userIds: UserId[]) => ({
  type: 'system' as const,
  system: { event: 'member_joined' as const, actorId, userIds },
})
export const at = new Date(NOW - 1000).toISOString()
const conversationId = messageEvent().conversationId
export const reaction = (more: object = {}): ChatEvent => ({
  id: 'r',
  kind: 'reaction',
  conversationId,
  seq: 10,
  messageId: 'm' as MessageId,
  authorId: bob,
  rev: 4,
  actorId: ann,
  emoji: '👍',
  at,
  ...more,
})
export const missedCall: ChatEvent = {
  id: 'c',
  kind: 'call_missed',
  conversationId,
  callerId: ann,
  userIds: [bob],
  at,
}
export const signIn: ChatEvent = {
  id: 's',
  kind: 'sign_in',
  userId: bob,
  sessionId: here,
  deviceName: 'Pixel',
  at,
}
export const readElsewhere: ChatEvent = { id: 'e', kind: 'read', conversationId, userId: bob, seq: 10, at }
