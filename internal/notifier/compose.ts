import type { ChatEvent } from '../domain/event.ts'
import { excerpt } from '../domain/text.ts'
import type { Device, Names, PushMessage } from './ports.ts'

const TITLE_MAX = 100
/** Code points; FCM refuses messages above 4,096 bytes. */
const BODY_MAX = 240

/** What a device shows for a message. */
export function compose(
  { conversationId, seq, message }: ChatEvent,
  { device, names, badge }: { device: Device; names: Names; badge: number | null },
): PushMessage {
  const text = message.content.trim() === '' ? 'Sent an attachment' : message.content
  const direct = names.kind === 'direct'
  return {
    device,
    title: excerpt(direct ? names.sender : (names.conversation ?? names.sender), TITLE_MAX),
    body: excerpt(direct ? text : `${names.sender}: ${text}`, BODY_MAX),
    badge,
    collapseKey: conversationId,
    link: `/conversations/${conversationId}?seq=${seq}`,
    data: { event: 'message', conversationId, messageId: message.id, seq: String(seq) },
  }
}
