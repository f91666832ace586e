import type { MessageCreated } from '../../domain/event.ts'
import { seqOfMessageId, type UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import { decide } from '../decide.ts'
import type { Names, NoReason, Recipient, RecipientReader } from '../ports.ts'
import type { DigestItem, UnreadReader } from './ports.ts'

/** Something that is still to be told, with all that its mail needs. */
export interface Told {
  item: DigestItem
  message: Message
  reason: 'mentioned' | 'direct'
  names: Names
  recipient: Recipient
}

/** What became of an item: to be told, or why not. */
export type Selected = Told | { item: DigestItem; dropped: NoReason }

export interface SelectDeps {
  unread: UnreadReader
  recipients: RecipientReader
}

/** Decides anew, by the rules by which it was decided when the message came: much may have happened since. */
export async function select(
  userId: UserId,
  items: readonly DigestItem[],
  nowMs: number,
  { unread, recipients }: SelectDeps,
): Promise<Selected[]> {
  const messages = await unread.messages(userId, items)
  const found = items.flatMap((item, i) => {
    const message = messages[i]
    return message ? [{ item, message }] : []
  })
  const [asked, names] = await Promise.all([
    recipients.recipients(
      found.map(({ message }) => ({
        conversationId: message.conversationId,
        actorId: message.senderId,
        rootSeq: message.threadRootId && seqOfMessageId(message.threadRootId),
        scope: { kind: 'users' as const, userIds: [userId] },
      })),
      1,
    ),
    recipients.names(found.map(({ message }) => message)),
  ])
  const selected = new Map<DigestItem, Selected>()
  for (const [i, { item, message }] of found.entries()) {
    const [recipient] = asked[i] ?? []
    selected.set(item, again(item, message, { recipient, names: names[i] ?? null, nowMs }))
  }
  return items.map((item) => selected.get(item) ?? { item, dropped: 'deleted' })
}

interface Known {
  recipient: Recipient | undefined
  names: Names | null
  nowMs: number
}

function again(item: DigestItem, message: Message, { recipient, names, nowMs }: Known): Selected {
  if (!recipient || !names) return { item, dropped: 'not_member' }
  const { conversationId, seq } = item
  const event: MessageCreated = { id: item.eventId, kind: 'message', conversationId, seq, message }
  const decisions = decide(event, recipient, [], {
    nowMs,
    online: false,
    graceOver: false,
    deleted: message.deletedAt !== null,
    withdrawn: false,
    mailing: true,
  })
  for (const decision of decisions) {
    if (decision.channel !== 'email') continue
    if (decision.outcome === 'none') return { item, dropped: decision.reason }
    return { item, message, reason: decision.reason, names, recipient }
  }
  // Without a word about mail it is what forbids anything; or an edit took the mention away.
  const [refused] = decisions
  const forbidden = refused?.outcome === 'none' && refused.reason !== 'no_device' ? refused.reason : null
  return { item, dropped: forbidden ?? 'not_mentioned' }
}
