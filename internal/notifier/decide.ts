import type { ChatEvent } from '../domain/event.ts'
import type { Seq, UserId } from '../domain/ids.ts'
import type { DeviceId } from '../domain/push.ts'

export interface Candidate {
  userId: UserId
  status: 'active' | 'suspended' | 'deleted'
  joinedSeq: Seq
  devices: readonly { id: DeviceId }[]
}

export interface Settings {
  mutedUntilMs: number | null
  notify: 'all' | 'mentions' | 'none'
}

export interface Presence {
  online: boolean
  /** The recipient has had the time to read it that somebody online gets. */
  graceOver: boolean
  nowMs: number
}

export interface ReadState {
  readSeq: Seq
}

export type NoReason =
  | 'sender'
  | 'not_active'
  | 'joined_later'
  | 'system_message'
  | 'deleted'
  | 'expired'
  | 'read'
  | 'muted'
  | 'notifications_off'
  | 'not_mentioned'
  | 'no_device'
export type PushReason = 'message' | 'mentioned'

/** What is to happen for one recipient, or for one of their devices. */
export type Decision =
  | { channel: 'push'; device: DeviceId; action: 'push'; reason: PushReason }
  | { channel: 'push'; device: null; action: 'later'; reason: 'online' }
  | { channel: 'push'; device: null; action: 'none'; reason: NoReason }

/** A decision before devices are looked at, which need not be loaded unless it says `push`. */
export type Verdict =
  | { action: 'push'; reason: PushReason }
  | { action: 'later'; reason: 'online' }
  | { action: 'none'; reason: NoReason }

/**
 * Whether this recipient is told of this event, now. Pure; the order of the rules is the order in which
 * their reasons are given when several apply.
 */
export function judge(
  event: ChatEvent,
  recipient: Omit<Candidate, 'devices'>,
  settings: Settings,
  presence: Presence,
  read: ReadState,
): Verdict {
  const { message, seq } = event
  const no = (reason: NoReason): Verdict => ({ action: 'none', reason })
  if (recipient.userId === message.senderId) return no('sender')
  if (recipient.status !== 'active') return no('not_active')
  if (seq <= recipient.joinedSeq) return no('joined_later')
  if (message.type === 'system') return no('system_message')
  if (message.deletedAt !== null) return no('deleted')
  if (message.expiresAt !== null && Date.parse(message.expiresAt) <= presence.nowMs) return no('expired')
  if (read.readSeq >= seq) return no('read')
  if (settings.mutedUntilMs !== null && settings.mutedUntilMs > presence.nowMs) return no('muted')
  if (settings.notify === 'none') return no('notifications_off')
  const mentioned = message.mentions.all || message.mentions.userIds.includes(recipient.userId)
  if (settings.notify === 'mentions' && !mentioned) return no('not_mentioned')
  if (presence.online && !presence.graceOver) return { action: 'later', reason: 'online' }
  return { action: 'push', reason: mentioned ? 'mentioned' : 'message' }
}

/** The whole decision: one entry for each device to push to, or one that says why there is none. */
export function decide(
  event: ChatEvent,
  recipient: Candidate,
  settings: Settings,
  presence: Presence,
  read: ReadState,
): Decision[] {
  const verdict = judge(event, recipient, settings, presence, read)
  if (verdict.action !== 'push') return [{ channel: 'push', device: null, ...verdict }]
  if (recipient.devices.length === 0) {
    return [{ channel: 'push', device: null, action: 'none', reason: 'no_device' }]
  }
  const devices = new Set(recipient.devices.map((device) => device.id))
  return [...devices].map((device) => ({ channel: 'push', device, ...verdict }))
}
