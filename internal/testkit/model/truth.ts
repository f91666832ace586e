import assert from 'node:assert/strict'
import { type ChangeEntry, changeBodyOf, isChange, type LogRecord, stateAfter } from '../../domain/change.ts'
import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import { bodyOf, type LogEntry } from '../../domain/log-entry.ts'
import type { Message, MessageState } from '../../domain/message.ts'

/** A message as its changes, one after another, make it. */
export interface View {
  content: string
  isDeleted: boolean
  isPinned: boolean
  /** Emoji and user of each reaction, sorted. */
  reactions: readonly string[]
}

/** What a conversation's committed rows say, folded one by one: the definition that everything is held against. */
export class Truth {
  readonly #committed: ReadonlyMap<ConversationId, readonly LogRecord[]>

  constructor(committed: ReadonlyMap<ConversationId, readonly LogRecord[]>) {
    this.#committed = committed
  }

  /** In the order of commits. */
  rows(id: ConversationId): readonly LogRecord[] {
    return this.#committed.get(id) ?? []
  }

  entry(id: ConversationId, seq: Seq): LogEntry | undefined {
    return this.rows(id).find((record): record is LogEntry => !isChange(record) && record.seq === seq)
  }

  changes(id: ConversationId, seq: Seq): ChangeEntry[] {
    return this.rows(id).filter((record): record is ChangeEntry => {
      return isChange(record) && record.targetSeq === seq
    })
  }

  /** Rev of the last change of a message, up to `upTo`; the message's own when there was none. */
  revOf(id: ConversationId, seq: Seq, upTo: Rev = Number.POSITIVE_INFINITY): Rev {
    const change = this.changes(id, seq).findLast(({ rev }) => rev <= upTo)
    return change?.rev ?? this.entry(id, seq)?.rev ?? 0
  }

  isDeleted(id: ConversationId, seq: Seq): boolean {
    return this.changes(id, seq).some(({ kind }) => kind === 'delete')
  }

  hasReacted(id: ConversationId, seq: Seq, emoji: string, userId: UserId): boolean {
    return this.view(id, seq).reactions.includes(`${emoji} ${userId}`)
  }

  view(id: ConversationId, seq: Seq, rev: Rev = Number.POSITIVE_INFINITY): View {
    const entry = this.entry(id, seq)
    let view: View = {
      content: entry ? bodyOf(entry.payload).content : '',
      isDeleted: false,
      isPinned: false,
      reactions: [],
    }
    for (const change of this.changes(id, seq)) if (change.rev <= rev) view = changed(view, change)
    return view
  }

  /** A reader's message is the one it says it is; what is erased by now may be missing from it before its time. */
  assertMessage(message: Message): void {
    const { conversationId: id, seq, rev } = message
    const seen = viewOf(message)
    const known = this.view(id, seq, rev)
    const isErasedEarly = this.isDeleted(id, seq) && seen.content === ''
    if (!isErasedEarly) assert.deepEqual(seen, known, `message ${seq} at rev ${rev} is not as it was`)
  }
}

function changed(view: View, change: ChangeEntry): View {
  const { kind, senderId } = change
  const { emoji, added } = changeBodyOf(change)
  if (kind === 'edit') return { ...view, content: stateAfter(change).edit?.content ?? '' }
  if (kind === 'delete') return { content: '', isDeleted: true, isPinned: false, reactions: [] }
  if (kind === 'pin') return { ...view, isPinned: added }
  const others = view.reactions.filter((reaction) => reaction !== `${emoji} ${senderId}`)
  return { ...view, reactions: added ? [...others, `${emoji} ${senderId}`].sort() : others }
}

export function viewOf(message: Message): View {
  return {
    content: message.content,
    isDeleted: message.deletedAt !== null,
    isPinned: message.pinned,
    reactions: reactionsOf(message),
  }
}

export function reactionsOf({ reactions }: Pick<MessageState, 'reactions'>): string[] {
  return reactions.flatMap(({ emoji, userIds }) => userIds.map((userId) => `${emoji} ${userId}`)).sort()
}
