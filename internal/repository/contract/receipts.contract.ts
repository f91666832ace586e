import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import type { PointerPassed, ReceiptHistory, ReceiptKind } from '../../service/receipt/ports.ts'
import type { ArchiveRemover } from '../../service/retention/ports.ts'

/** What every ReceiptHistory promises. */
export function receiptHistoryContract(
  name: string,
  open: () => ReceiptHistory,
  remover: () => Pick<ArchiveRemover, 'removeMessages'>,
): void {
  const conversation = () => uuidv7<ConversationId>()
  const user = () => uuidv7<UserId>()
  const passed = (
    conversationId: ConversationId,
    userId: UserId,
    [from, to]: [number, number],
    kind: ReceiptKind = 'read',
  ): PointerPassed => ({ conversationId, userId, kind, from, to, at: 1_795_000_000_000_000 + to })

  describe(`ReceiptHistory on ${name}`, () => {
    it('says when each passed a message, and nothing of those who did not', async () => {
      const id = conversation()
      const [ann, bob, eve] = [user(), user(), user()]
      const rows = [
        passed(id, ann, [0, 5], 'delivered'),
        passed(id, ann, [0, 3]),
        passed(id, bob, [2, 9]),
        passed(id, eve, [0, 9]),
      ]
      await open().write(rows)
      const found = await open().find(id, 3, [ann, bob])
      expect(found).toHaveLength(3)
      expect(found).toEqual(
        expect.arrayContaining([
          { userId: ann, kind: 'delivered', at: 1_795_000_000_000_005 },
          { userId: ann, kind: 'read', at: 1_795_000_000_000_003 },
          { userId: bob, kind: 'read', at: 1_795_000_000_000_009 },
        ]),
      )
      expect(await open().find(id, 2, [bob])).toEqual([])
      expect(await open().find(id, 10, [ann, bob])).toEqual([])
      expect(await open().find(conversation(), 3, [ann])).toEqual([])
    })

    it('is not changed by moves that come again, or in another order', async () => {
      const id = conversation()
      const ann = user()
      const rows = [passed(id, ann, [7, 1030]), passed(id, ann, [0, 7]), passed(id, ann, [1030, 1031])]
      for (const round of [rows, rows.toReversed(), rows]) await open().write(round)
      for (const [seq, to] of [
        [1, 7],
        [8, 1030],
        [1023, 1030],
        [1024, 1030],
        [1030, 1030],
        [1031, 1031],
      ] as const) {
        const at = 1_795_000_000_000_000 + to
        expect(await open().find(id, seq, [ann])).toEqual([{ userId: ann, kind: 'read', at }])
      }
    })

    it('knows of leaps of any width, whatever lies between them', async () => {
      const seq = fc.integer({ min: 0, max: 2 ** 40 - 1 })
      const places = fc.uniqueArray(fc.oneof(seq, fc.integer({ min: 0, max: 5000 })), {
        minLength: 2,
        maxLength: 6,
      })
      await fc.assert(
        fc.asyncProperty(places, async (given) => {
          const id = conversation()
          const ann = user()
          const ends = given.toSorted((a, b) => a - b)
          // Every second leap was lost.
          const rows = ends.slice(1).flatMap((to, n) => (n % 2 ? [] : passed(id, ann, [ends[n] ?? 0, to])))
          await open().write(rows)
          for (const end of ends) {
            for (const place of [end, end + 1]) {
              const over = rows.find(({ from, to }) => from < place && place <= to)
              const expected = over ? [{ userId: ann, kind: 'read', at: over.at }] : []
              expect(await open().find(id, place, [ann])).toEqual(expected)
            }
          }
        }),
        { numRuns: 30 },
      )
    })

    it('goes with the messages, and not before', async () => {
      const id = conversation()
      const [ann, bob] = [user(), user()]
      await open().write([
        passed(id, ann, [4, 5]),
        passed(id, ann, [5, 900]),
        passed(id, ann, [3499, 3500]),
        passed(id, bob, [0, 3500]),
      ])
      await remover().removeMessages(id, 1, 1000)
      await remover().removeMessages(id, 1001, 3000)
      expect(await open().find(id, 5, [ann])).toEqual([])
      expect(await open().find(id, 600, [ann])).toEqual([])
      expect(await open().find(id, 3500, [ann, bob])).toHaveLength(2)
      expect(await open().find(id, 3100, [bob])).toHaveLength(1)
    })

    it('takes many moves at once', async () => {
      const id = conversation()
      const users = Array.from({ length: 100 }, user)
      await open().write(users.flatMap((one, n) => [passed(id, one, [n, 200]), passed(id, one, [200, 201])]))
      expect(await open().find(id, 50, users)).toHaveLength(50)
      expect(await open().find(id, 201, users)).toHaveLength(100)
    })
  })
}
