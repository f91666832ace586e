import { describe, expect, it } from '@jest/globals'
import { type ClientId, type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { bodyWith, type LogEntry, payloadOf } from '../../domain/log-entry.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import type { MessageArchive } from '../../service/message/ports.ts'

type Archive = MessageArchive & ArchiveWriter

/** A row as the log would have numbered it. */
export function logEntry(
  conversationId: ConversationId,
  seq: number,
  given: Partial<LogEntry> = {},
): LogEntry {
  return {
    conversationId,
    seq,
    rev: 0,
    era: 1,
    ordinal: seq,
    stamp: 1_795_000_000_000_000 + seq,
    senderId: uuidv7<UserId>(),
    operationId: uuidv7<ClientId>(),
    payload: payloadOf(bodyWith({ content: `message ${seq} \u{1F600} "quoted" \\ 'single'` })),
    state: null,
    ...given,
  }
}

/** What every MessageArchive promises its readers and the relay. */
export function messageArchiveContract(name: string, open: () => Archive): void {
  describe(`MessageArchive on ${name}`, () => {
    const newConversation = () => uuidv7<ConversationId>()
    const seqs = (entries: LogEntry[]) => entries.map((entry) => entry.seq)

    it('gives back exactly what was written, ascending, whatever the order of writing', async () => {
      const conversation = newConversation()
      const written = [3, 1, 5, 2, 4].map((seq) => logEntry(conversation, seq))
      await open().write(written)
      expect(await open().range(conversation, 2, 4)).toEqual(
        written.filter(({ seq }) => seq >= 2 && seq <= 4).sort((a, b) => a.seq - b.seq),
      )
    })

    it('is not changed by rows that come again', async () => {
      const conversation = newConversation()
      const rows = [logEntry(conversation, 1), logEntry(conversation, 2)]
      for (let round = 0; round < 3; round++) await open().write(rows)
      expect(await open().range(conversation, 1, 10)).toEqual(rows)
    })

    it('crosses the ends of its partitions', async () => {
      const conversation = newConversation()
      const from = 2 ** 13 - 3
      const rows = Array.from({ length: 6 }, (_, n) => logEntry(conversation, from + n))
      await open().write(rows)
      expect(seqs(await open().range(conversation, from, from + 5))).toEqual(seqs(rows))
    })

    it('shows the newest era of a seq', async () => {
      const conversation = newConversation()
      const lost = logEntry(conversation, 1, { era: 1 })
      const kept = logEntry(conversation, 1, { era: 2 })
      await open().write([kept])
      await open().write([lost])
      expect(await open().range(conversation, 1, 1)).toEqual([kept])
    })

    it('stores large batches over many conversations', async () => {
      const conversations = Array.from({ length: 30 }, newConversation)
      await open().write(
        conversations.flatMap((id) => Array.from({ length: 100 }, (_, n) => logEntry(id, n + 1))),
      )
      for (const id of conversations) expect(await open().range(id, 1, 100)).toHaveLength(100)
    })

    it('has nothing for a conversation it never saw', async () => {
      expect(await open().range(newConversation(), 1, 200)).toEqual([])
    })
  })
}
