import type { ChatEvent, MessageCreated } from '../domain/event.ts'
import { excerpt } from '../domain/text.ts'
import type { Device, Names, PushMessage, PushReason } from './ports.ts'

const TITLE_MAX = 100
/** Code points; FCM refuses messages above 4,096 bytes. */
const BODY_MAX = 240
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** How long each kind waits for a device that is off. */
const TTL_MS: Record<ChatEvent['kind'], number> = {
  message: 7 * DAY_MS,
  reaction: DAY_MS,
  call_missed: DAY_MS,
  sign_in: 7 * DAY_MS,
  read: HOUR_MS,
}

export interface Composition {
  device: Device
  reason: PushReason
  preview: boolean
  /** Null where the event is of no conversation. */
  names: Names | null
  badge: number | null
  nowMs: number
}

/** What a device shows for an event. */
export function compose(
  event: ChatEvent,
  { device, reason, preview, names, badge, nowMs }: Composition,
): PushMessage {
  const title = excerpt(titleOf(event, names), TITLE_MAX)
  const body = excerpt(bodyOf(event, { reason, preview, names }), BODY_MAX)
  return {
    device,
    text: event.kind === 'read' ? null : { title, body },
    badge,
    collapseKey: event.kind === 'sign_in' ? 'sign-in' : event.conversationId,
    link: linkOf(event),
    ttlMs: ttlOf(event, nowMs),
    urgent: event.kind !== 'read' && event.kind !== 'reaction',
    data: dataOf(event),
  }
}

function titleOf(event: ChatEvent, names: Names | null): string {
  if (event.kind === 'sign_in') return 'New sign-in'
  if (!names) return 'RealChat'
  return names.kind === 'direct' ? names.sender : (names.conversation ?? names.sender)
}

type Wording = Pick<Composition, 'reason' | 'preview' | 'names'>

function bodyOf(event: ChatEvent, wording: Wording): string {
  switch (event.kind) {
    case 'message':
      return bySender(messageText(event, wording), wording)
    case 'reaction':
      return bySender(
        wording.preview ? `Reacted ${event.emoji} to your message` : 'Reacted to your message',
        wording,
      )
    case 'call_missed':
      return bySender('Missed call', wording)
    case 'sign_in':
      return `Your account was signed in to on ${event.deviceName}. If this was not you, change your password.`
    case 'read':
      return ''
  }
}

function messageText({ message }: MessageCreated, { reason, preview }: Wording): string {
  if (reason === 'added') return 'Added you to the conversation'
  if (!preview) return reason === 'mentioned' ? 'Mentioned you' : 'New message'
  return message.content.trim() === '' ? 'Sent an attachment' : message.content
}

function bySender(text: string, { names }: Wording): string {
  return names?.kind === 'group' ? `${names.sender}: ${text}` : text
}

function linkOf(event: ChatEvent): string {
  if (event.kind === 'sign_in') return '/settings/sessions'
  const place = event.kind === 'message' || event.kind === 'reaction' ? `?seq=${event.seq}` : ''
  return `/conversations/${event.conversationId}${place}`
}

/** A message that disappears takes its notification along. */
function ttlOf(event: ChatEvent, nowMs: number): number {
  const ttlMs = TTL_MS[event.kind]
  if (event.kind !== 'message' || event.message.expiresAt === null) return ttlMs
  return Math.max(0, Math.min(ttlMs, Date.parse(event.message.expiresAt) - nowMs))
}

function dataOf(event: ChatEvent): Record<string, string> {
  if (event.kind === 'sign_in') return { event: event.kind, sessionId: event.sessionId }
  const data = { event: event.kind, conversationId: event.conversationId }
  if (event.kind === 'call_missed') return data
  const seq = String(event.seq)
  if (event.kind === 'read') return { ...data, seq }
  const messageId = event.kind === 'message' ? event.message.id : event.messageId
  return { ...data, messageId, seq }
}
