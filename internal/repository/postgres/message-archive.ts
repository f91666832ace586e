import type pg from 'pg'
import {
  type ChangeEntry,
  changeBodyOf,
  changePayloadOf,
  isChange,
  type LogRecord,
  stateAfter,
} from '../../domain/change.ts'
import type { ConversationId, Rev, Seq, UserId } from '../../domain/ids.ts'
import { decodeState, encodeState, expiryOf, type LogEntry, rootSeqOf } from '../../domain/log-entry.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import type { MessageArchive, RepliesRange } from '../../service/message/ports.ts'
import { newestEraChanges, newestEras } from '../newest-eras.ts'
import {
  ARCHIVED_CHANGES,
  ARCHIVED_EDITS,
  ARCHIVED_ENTRIES,
  ARCHIVED_RANGE,
  ARCHIVED_REACTORS,
  ARCHIVED_REPLIES_AFTER,
  ARCHIVED_REPLIES_BEFORE,
  ERASE_EDITS,
  ERASE_REACTIONS,
  INSERT_CHANGES,
  INSERT_EDIT,
  INSERT_MESSAGES,
  INSERT_REPLIES,
  PUT_REACTION,
  PUT_STATE,
  REACTED_BY,
} from './archive-statements.ts'
import { binaryArray } from './binary-array.ts'
import { type ChangeRow, changeOf, codeOfKind, entryOf, type LogRow } from './log-entry.ts'
import { query } from './query.ts'

interface ArchivedRow extends LogRow {
  state: string | null
  state_rev: number | null
  state_stamp: number | null
}

/** MessageArchive and ArchiveWriter on PostgreSQL, for the standalone server. */
export class PostgresMessageArchive implements MessageArchive, ArchiveWriter {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async write(records: readonly LogRecord[]): Promise<void> {
    const messages: LogEntry[] = []
    const changes: ChangeEntry[] = []
    for (const record of records) {
      if (isChange(record)) changes.push(record)
      else messages.push(record)
    }
    if (messages.length > 0) await this.#writeMessages(messages)
    if (changes.length > 0) await this.#writeChanges(changes)
  }

  async range(conversationId: ConversationId, from: Seq, to: Seq): Promise<LogEntry[]> {
    return archived(await query<ArchivedRow>(this.#pool, ARCHIVED_RANGE, [conversationId, from, to]))
  }

  async entries(conversationId: ConversationId, seqs: readonly Seq[]): Promise<LogEntry[]> {
    return archived(await query<ArchivedRow>(this.#pool, ARCHIVED_ENTRIES, [conversationId, seqs]))
  }

  async changes(conversationId: ConversationId, from: Rev, to: Rev): Promise<ChangeEntry[]> {
    const rows = await query<ChangeRow>(this.#pool, ARCHIVED_CHANGES, [conversationId, from, to])
    return newestEraChanges(rows.map(changeOf))
  }

  async edits(conversationId: ConversationId, seq: Seq) {
    type Row = { content: string; stamp: number }
    return (await query<Row>(this.#pool, ARCHIVED_EDITS, [conversationId, seq])).reverse()
  }

  async replies(conversationId: ConversationId, range: RepliesRange): Promise<Seq[]> {
    const { rootSeq, anchor, seq, limit } = range
    const statement = anchor === 'after' ? ARCHIVED_REPLIES_AFTER : ARCHIVED_REPLIES_BEFORE
    const rows = await query<{ seq: Seq }>(this.#pool, statement, [conversationId, rootSeq, seq, limit])
    return rows.map((row) => row.seq).sort((a, b) => a - b)
  }

  async reactors(conversationId: ConversationId, seq: Seq, emoji: string, limit: number): Promise<UserId[]> {
    const values = [conversationId, seq, emoji, limit]
    const rows = await query<{ user_id: UserId }>(this.#pool, ARCHIVED_REACTORS, values)
    return rows.map((row) => row.user_id)
  }

  reactedBy(
    conversationId: ConversationId,
    userId: UserId,
    reactions: readonly { seq: Seq; emoji: string }[],
  ): Promise<{ seq: Seq; emoji: string }[]> {
    return query(this.#pool, REACTED_BY, [
      conversationId,
      userId,
      reactions.map(({ seq }) => seq),
      reactions.map(({ emoji }) => emoji),
    ])
  }

  async #writeMessages(entries: readonly LogEntry[]): Promise<void> {
    await query(this.#pool, INSERT_MESSAGES, [
      binaryArray.uuid(entries.map((entry) => entry.conversationId)),
      binaryArray.int8(entries.map((entry) => entry.seq)),
      binaryArray.int8(entries.map((entry) => entry.rev)),
      binaryArray.int4(entries.map((entry) => entry.era)),
      binaryArray.int8(entries.map((entry) => entry.ordinal)),
      binaryArray.int8(entries.map((entry) => entry.stamp)),
      binaryArray.uuid(entries.map((entry) => entry.senderId)),
      binaryArray.uuid(entries.map((entry) => entry.operationId)),
      binaryArray.text(entries.map((entry) => entry.payload)),
      binaryArray.int8(entries.map(expiryOf)),
    ])
    const replies = entries.flatMap((entry) => {
      const rootSeq = rootSeqOf(entry)
      return rootSeq === null ? [] : [{ ...entry, rootSeq }]
    })
    if (replies.length === 0) return
    await query(this.#pool, INSERT_REPLIES, [
      replies.map((reply) => reply.conversationId),
      replies.map((reply) => reply.rootSeq),
      replies.map((reply) => reply.seq),
    ])
  }

  async #writeChanges(changes: readonly ChangeEntry[]): Promise<void> {
    await query(this.#pool, INSERT_CHANGES, [
      changes.map((change) => change.conversationId),
      changes.map((change) => change.rev),
      changes.map((change) => change.era),
      changes.map((change) => codeOfKind(change.kind)),
      changes.map((change) => change.headSeq),
      changes.map((change) => change.targetSeq),
      changes.map((change) => change.stamp),
      changes.map((change) => change.senderId),
      changes.map((change) => change.operationId),
      // Without what the message was then: once it is deleted, nothing of it may be found here.
      changes.map((change) => changePayloadOf(changeBodyOf(change), null)),
    ])
    for (const change of changes) await this.#applyChange(change)
  }

  async #applyChange(change: ChangeEntry): Promise<void> {
    const { conversationId, targetSeq, stamp } = change
    const body = changeBodyOf(change)
    const state = stateAfter(change)
    const place = [conversationId, targetSeq]
    await query(this.#pool, PUT_STATE, [
      ...place,
      body.era,
      stamp,
      change.rev,
      encodeState(state),
      body.blank,
    ])
    if (change.kind === 'edit' && state.edit) {
      await query(this.#pool, INSERT_EDIT, [...place, stamp, state.edit.content])
    }
    if (change.kind === 'reaction') {
      await query(this.#pool, PUT_REACTION, [...place, body.emoji, change.senderId, stamp, body.added])
    }
    if (change.kind === 'delete') {
      await query(this.#pool, ERASE_EDITS, [...place, stamp])
      await query(this.#pool, ERASE_REACTIONS, [...place, stamp])
    }
  }
}

function archived(rows: readonly ArchivedRow[]): LogEntry[] {
  return newestEras(
    rows.map((row) => {
      const { state, state_rev: rev, state_stamp: stamp } = row
      const known = state !== null && rev !== null && stamp !== null
      return { ...entryOf(row), state: known ? decodeState(state, rev, stamp) : null }
    }),
  )
}
