import type pg from 'pg'
import { type ConversationId, newOperationId } from '../../domain/ids.ts'
import { bodyWith, type LogEntry, payloadOf, previewOf } from '../../domain/log-entry.ts'
import type { SystemEvent } from '../../domain/message.ts'
import type { AppendItem } from '../../service/message/ports.ts'
import { appendWithin } from './message-log.ts'

/** Users that a system message names. */
const NAMED_MAX = 100

export interface SystemMessage extends SystemEvent {
  conversationId: ConversationId
  /** The conversation's, as the transaction leaves it. */
  memberVersion: number
}

/**
 * Says in the conversation what happened, within the caller's transaction, which has changed nothing behind
 * the head's lock yet or holds it. Counts for nobody as unread.
 */
export async function appendSystemMessage(client: pg.ClientBase, said: SystemMessage): Promise<LogEntry> {
  const { conversationId, memberVersion, event, actorId, userIds } = said
  const operationId = newOperationId()
  const system = { event, actorId, userIds: userIds.slice(0, NAMED_MAX) }
  const written = { senderId: actorId, operationId, payload: payloadOf(bodyWith({ type: 'system', system })) }
  const item: AppendItem = {
    ...written,
    conversationId,
    memberVersion,
    bodyHash: Buffer.alloc(16),
    counts: false,
    reads: false,
    rootSeq: null,
    mentions: [],
    preview: previewOf(written),
  }
  const [outcome] = await appendWithin(client, [item])
  if (outcome?.status !== 'ok') throw new Error(`a system message was not appended: ${outcome?.status}`)
  const { seq, rev, ordinal, stamp, era } = outcome
  return { ...written, conversationId, seq, rev, ordinal, stamp, era, state: null }
}
