import type { Message } from 'firebase-admin/messaging'
import type { PushMessage } from '../ports.ts'

/** What every platform gets: text unless it is silent, and data that apps read. */
interface Shared {
  token: string
  notification?: { title: string; body: string }
  data: Record<string, string>
}

/** A push in FCM's words, for the one platform that its device is of. */
export function fcmMessage(push: PushMessage, publicUrl: string, nowMs: number): Message {
  const { device, text, badge, collapseKey, link, data } = push
  const badgeData = badge === null ? {} : { badge: String(badge) }
  const shared: Shared = {
    token: device.token,
    ...(text && { notification: text }),
    data: { ...data, ...badgeData, link, collapseKey },
  }
  if (device.platform === 'android') return { ...shared, android: android(push) }
  if (device.platform === 'ios') return { ...shared, apns: apns(push, nowMs) }
  return { ...shared, webpush: webpush(push, publicUrl) }
}

/** Data alone reaches the app in the background, which takes back what it showed under the tag. */
function android({ text, badge, collapseKey, ttlMs, urgent }: PushMessage): NonNullable<Message['android']> {
  const count = badge === null ? {} : { notificationCount: badge }
  return {
    collapseKey,
    ttl: ttlMs,
    priority: urgent ? 'high' : 'normal',
    ...(text && { notification: { tag: collapseKey, ...count } }),
  }
}

/**
 * A badge alone is of the push type `alert`, too (Apple: "an alert, badge, or sound"), at the priority that
 * spares the battery; 10 would be refused without something to show.
 */
function apns(
  { text, badge, collapseKey, ttlMs, urgent }: PushMessage,
  nowMs: number,
): NonNullable<Message['apns']> {
  const headers = {
    'apns-push-type': 'alert',
    'apns-priority': text && urgent ? '10' : '5',
    'apns-expiration': String(Math.floor((nowMs + ttlMs) / 1000)),
    'apns-collapse-id': collapseKey,
  }
  const count = badge === null ? {} : { badge }
  const aps = text
    ? { threadId: collapseKey, mutableContent: true, sound: 'default', ...count }
    : { contentAvailable: true, ...count }
  return { headers, payload: { aps } }
}

function webpush(
  { text, collapseKey, link, ttlMs, urgent }: PushMessage,
  publicUrl: string,
): NonNullable<Message['webpush']> {
  const headers = {
    // A topic is at most 32 characters of the URL-safe alphabet (RFC 8030, 5.4): a uuid without its dashes.
    Topic: collapseKey.replaceAll('-', '').slice(0, 32),
    TTL: String(Math.floor(ttlMs / 1000)),
    Urgency: urgent ? 'high' : 'normal',
  }
  const linked = publicUrl.startsWith('https://') ? { fcmOptions: { link: publicUrl + link } } : {}
  return { headers, ...(text && { notification: { ...text, tag: collapseKey } }), ...linked }
}
