import type { AppliedChange } from '../../domain/change.ts'
import type { ConversationId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import type { RowEntry } from './live-entry.ts'

/** The events of `chat:` that rows of the log become. */
export function rowOfMessage(message: Message, memberVersion: number, origin: string | null): RowEntry {
  const { conversationId, seq, rev } = message
  return {
    kind: 'row',
    conversationId,
    seq,
    rev,
    memberVersion,
    origin,
    event: 'message:new',
    messageSeq: seq,
    json: JSON.stringify(message),
  }
}

export function rowOfChange(change: AppliedChange, memberVersion: number, origin: string | null): RowEntry {
  const { conversationId, headSeq, rev, message } = change
  return {
    kind: 'row',
    conversationId,
    seq: headSeq,
    rev,
    memberVersion,
    origin,
    event: eventOf(change),
    messageSeq: message.seq,
    json: JSON.stringify(payloadOf(change)),
  }
}

function eventOf({ kind, added }: AppliedChange): string {
  switch (kind) {
    case 'edit':
      return 'message:edited'
    case 'delete':
      return 'message:deleted'
    case 'reaction':
      return added ? 'message:reaction:added' : 'message:reaction:removed'
    case 'pin':
      return added ? 'message:pinned' : 'message:unpinned'
  }
}

function payloadOf({ kind, rev, actorId, at, emoji, message }: AppliedChange): object {
  const about = { messageId: message.id, seq: message.seq, rev }
  switch (kind) {
    case 'edit':
      return message
    case 'delete':
      return { ...about, deletedBy: actorId, deletedAt: at }
    case 'reaction': {
      const count = message.reactions.find((reaction) => reaction.emoji === emoji)?.count ?? 0
      return { ...about, emoji, userId: actorId, count }
    }
    case 'pin':
      return { ...about, userId: actorId }
  }
}

/** The one frame that a user's inbox gets of a row, where the conversation's topic is not joined. */
export function inboxFrameOf(row: RowEntry): { event: string; json: string } {
  if (row.event === 'message:new') return { event: 'inbox:message', json: `{"message":${row.json}}` }
  return { event: 'inbox:changed', json: changedJson(row.conversationId, row.rev) }
}

export function changedJson(conversationId: ConversationId, rev: number): string {
  return JSON.stringify({ conversationId, rev })
}
