import { describe, expect, it } from '@jest/globals'
import { changePayloadOf } from '../../domain/change.ts'
import { type ClientId, type ConversationId, messageIdOf, type UserId, uuidv7 } from '../../domain/ids.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import type { MessageArchive } from '../../service/message/ports.ts'
import type { ArchiveRemover } from '../../service/retention/ports.ts'
import { logEntry } from './message-archive.contract.ts'

export interface RemovalUnderTest {
  archive: MessageArchive & ArchiveWriter
  remover: ArchiveRemover
}

const BUCKET = 2 ** 13

/** What every ArchiveRemover promises retention. */
export function archiveRemoverContract(name: string, open: () => RemovalUnderTest): void {
  describe(`ArchiveRemover on ${name}`, () => {
    const seqs = async ({ archive }: RemovalUnderTest, id: ConversationId, from: number, to: number) =>
      (await archive.range(id, from, to)).map(({ seq }) => seq)

    it('removes a range of messages across partitions, and no others', async () => {
      const stores = open()
      const [id, other] = [uuidv7<ConversationId>(), uuidv7<ConversationId>()]
      const places = [BUCKET - 2, BUCKET - 1, BUCKET, BUCKET + 1, BUCKET + 2]
      await stores.archive.write([id, other].flatMap((one) => places.map((seq) => logEntry(one, seq))))
      for (let again = 0; again < 2; again++) {
        await stores.remover.removeMessages(id, BUCKET - 1, BUCKET + 1)
        expect(await seqs(stores, id, BUCKET - 2, BUCKET + 2)).toEqual([BUCKET - 2, BUCKET + 2])
      }
      expect(await seqs(stores, other, BUCKET - 2, BUCKET + 2)).toEqual(places)
    })

    it('removes earlier texts with the message, and changes up to a rev', async () => {
      const stores = open()
      const id = uuidv7<ConversationId>()
      const rows = [1, 2].map((seq) => logEntry(id, seq))
      const stamp = Date.now() * 1000
      const edits = rows.map((row, n) => {
        const state = {
          ...{ rev: n + 1, deletion: null, pinned: false, reactions: [] },
          edit: { content: `edited ${n}`, mentions: { userIds: [], all: false }, at: stamp },
        }
        const body = {
          ...{ messageId: messageIdOf(row), authorId: row.senderId, era: 1 },
          ...{ emoji: null, added: true, blank: null, expires: null },
        }
        return {
          ...{ kind: 'edit' as const, conversationId: id, rev: n + 1, headSeq: 2, targetSeq: row.seq },
          ...{ era: 1, stamp: stamp + n, senderId: uuidv7<UserId>(), operationId: uuidv7<ClientId>() },
          payload: changePayloadOf(body, state),
        }
      })
      await stores.archive.write([...rows, ...edits])
      expect(await stores.archive.changes(id, 1, 2)).toHaveLength(2)
      expect(await stores.archive.edits(id, 1)).toHaveLength(1)
      await stores.remover.removeMessages(id, 1, 1)
      await stores.remover.removeChanges(id, 1)
      expect(await stores.archive.edits(id, 1)).toEqual([])
      expect(await stores.archive.edits(id, 2)).toHaveLength(1)
      expect((await stores.archive.changes(id, 1, 2)).map(({ rev }) => rev)).toEqual([2])
      expect(await seqs(stores, id, 1, 2)).toEqual([2])
    })
  })
}
