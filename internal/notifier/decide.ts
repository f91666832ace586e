import { type ChatEvent, eventActor, eventTime } from '../domain/event.ts'
import type { UserId } from '../domain/ids.ts'
import type { DeviceId } from '../domain/push.ts'
import { isQuiet } from '../domain/quiet-hours.ts'
import { type Wish, wishOf } from './concern.ts'
import type { Circumstances, Device, Membership, NoReason, PushReason, Recipient } from './ports.ts'

/** What is to happen for one recipient, on one channel, and there on one device. */
export type Decision =
  | { channel: 'push'; device: DeviceId; outcome: 'push'; reason: PushReason; preview: boolean }
  | { channel: 'push'; device: null; outcome: 'wait'; reason: 'online' }
  | { channel: 'push'; device: DeviceId | null; outcome: 'none'; reason: NoReason }
  | { channel: 'email'; device: null; outcome: 'digest'; reason: 'mentioned' | 'direct'; dueAtMs: number }
  | { channel: 'email'; device: null; outcome: 'none'; reason: NoReason }

/** A decision before devices are looked at, which need not be loaded unless it says `push`. */
export type Verdict =
  | { outcome: 'push'; wish: Wish }
  | { outcome: 'wait'; wish: Wish }
  | { outcome: 'none'; reason: NoReason; wish: Wish | null }

type DeviceChoice = Pick<Device, 'id' | 'sessionId' | 'platform' | 'notify' | 'previews'>

/** Older events are not worth a push; and whether a message was deleted is known for two days. */
export const STALE_AFTER_MS = 2 * 86_400_000

/**
 * Whether this recipient is told of this event by push, now. Pure; the order of the rules is the order in
 * which their reasons are given when several apply.
 */
export function judge(event: ChatEvent, recipient: Recipient, now: Circumstances): Verdict {
  const refused = refusal(event, recipient, now)
  if (refused) return { outcome: 'none', reason: refused, wish: null }
  const wish = wishOf(event, recipient, now.nowMs)
  if (typeof wish === 'string') return { outcome: 'none', reason: wish, wish: null }
  const no = (reason: NoReason): Verdict => ({ outcome: 'none', reason, wish })
  const { settings } = recipient
  if (!settings.push) return no('push_off')
  if (!wish.overridesQuiet && settings.quietHours && isQuiet(settings.quietHours, now.nowMs)) {
    return no('quiet_hours')
  }
  if (wish.whenOnline !== 'push' && now.online && !now.graceOver) {
    if (wish.whenOnline === 'skip') return no('online')
    // Whoever has nothing to be told on need not be looked at again: that is most of the work of a busy chat.
    return recipient.hasDevice ? { outcome: 'wait', wish } : no('no_device')
  }
  return { outcome: 'push', wish }
}

/** The whole decision: one entry for each device and channel, or one that says why there is none. */
export function decide(
  event: ChatEvent,
  recipient: Recipient,
  devices: readonly DeviceChoice[],
  now: Circumstances,
): Decision[] {
  const verdict = judge(event, recipient, now)
  return [...pushDecisions(event, recipient, devices, verdict), ...emailDecisions(recipient, now, verdict)]
}

function pushDecisions(
  event: ChatEvent,
  recipient: Recipient,
  devices: readonly DeviceChoice[],
  verdict: Verdict,
): Decision[] {
  if (verdict.outcome === 'wait')
    return [{ channel: 'push', device: null, outcome: 'wait', reason: 'online' }]
  if (verdict.outcome === 'none') {
    return [{ channel: 'push', device: null, outcome: 'none', reason: verdict.reason }]
  }
  if (devices.length === 0) return [{ channel: 'push', device: null, outcome: 'none', reason: 'no_device' }]
  const { wish } = verdict
  const distinct = new Map(devices.map((device) => [device.id, device]))
  return [...distinct.values()].map((device): Decision => {
    const refused = deviceRefusal(event, device, wish)
    if (refused) return { channel: 'push', device: device.id, outcome: 'none', reason: refused }
    const preview = wish.hasText && recipient.settings.previews && device.previews
    return { channel: 'push', device: device.id, outcome: 'push', reason: wish.reason, preview }
  })
}

function deviceRefusal(event: ChatEvent, device: DeviceChoice, wish: Wish): NoReason | null {
  if (event.kind === 'sign_in') return device.sessionId === event.sessionId ? 'this_device' : null
  // Browsers show something for every push, so that none can be silent there.
  if (event.kind === 'read') return device.platform === 'web' ? 'not_silent' : null
  if (device.notify === 'none') return 'device_off'
  return device.notify === 'mentions' && !wish.personal ? 'device_not_mentioned' : null
}

/**
 * Mail collects what stays unread: direct messages and mentions. It is decided once, when the event comes;
 * neither quiet hours nor being online matter to it, as it is sent later, and only what is unread then.
 */
function emailDecisions(recipient: Recipient, now: Circumstances, { wish }: Verdict): Decision[] {
  if (now.graceOver || wish === null || (wish.reason !== 'mentioned' && wish.reason !== 'direct')) return []
  const { settings } = recipient
  const no = (reason: NoReason): Decision[] => [{ channel: 'email', device: null, outcome: 'none', reason }]
  if (!now.mailing) return no('email_unavailable')
  if (!settings.email) return no('email_off')
  if (!recipient.hasEmail) return no('no_address')
  const dueAtMs = now.nowMs + settings.emailDelay * 1000
  return [{ channel: 'email', device: null, outcome: 'digest', reason: wish.reason, dueAtMs }]
}

/** What forbids it whatever the recipient wishes; null for nothing. */
function refusal(event: ChatEvent, recipient: Recipient, now: Circumstances): NoReason | null {
  const { membership } = recipient
  if (recipient.userId === eventActor(event)) return 'sender'
  if (recipient.status !== 'active') return 'not_active'
  if (event.kind === 'sign_in') return null
  if (membership === null) return 'not_member'
  if (event.kind === 'read') return null
  if (recipient.blocksActor) return 'blocked'
  if (now.deleted || (event.kind === 'message' && event.message.deletedAt !== null)) return 'deleted'
  if (now.withdrawn) return 'withdrawn'
  if (isExpired(event, now.nowMs)) return 'expired'
  if (now.nowMs - Date.parse(eventTime(event)) > STALE_AFTER_MS) return 'stale'
  return place(event, recipient.userId, membership)
}

/** What the recipient's place in the conversation says. */
function place(event: ChatEvent, userId: UserId, membership: Membership): NoReason | null {
  if (event.kind !== 'message') return null
  const { message, seq } = event
  if (message.type === 'system') {
    // Told of their own joining, they begin below or above it.
    const added = message.system?.userIds.includes(userId) && message.system.actorId !== userId
    if (!added) return 'system_message'
    return membership.readSeq > membership.joinedSeq && membership.readSeq >= seq ? 'read' : null
  }
  if (seq <= membership.joinedSeq) return 'joined_later'
  return membership.readSeq >= seq ? 'read' : null
}

function isExpired(event: ChatEvent, nowMs: number): boolean {
  if (event.kind !== 'message') return false
  const { expiresAt } = event.message
  return expiresAt !== null && Date.parse(expiresAt) <= nowMs
}
