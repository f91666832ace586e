import { describe, expect, it } from '@jest/globals'
import { unavailable } from '../../domain/errors.ts'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { eventually } from '../../testkit/eventually.ts'
import type { PassedAt, PointerPassed, ReceiptHistory } from './ports.ts'
import { ReceiptJournal } from './receipt-journal.ts'

class FaultyHistory implements ReceiptHistory {
  readonly written: PointerPassed[] = []
  isDown = false

  async write(passed: readonly PointerPassed[]): Promise<void> {
    if (this.isDown) throw unavailable('Cassandra')
    this.written.push(...passed)
  }

  async find(): Promise<PassedAt[]> {
    return []
  }
}

const conversationId = uuidv7<ConversationId>()
const userId = uuidv7<UserId>()

function movedTo(seq: number, memberCount = 2) {
  const at = (place: number) => ({ deliveredSeq: place, readSeq: Math.max(0, place - 1) })
  return {
    conversationId,
    userId,
    before: at(seq - 1),
    pointers: at(seq),
    memberCount,
    memberVersion: 1,
    at: seq,
    origin: null,
  }
}

function open() {
  const history = new FaultyHistory()
  const errors: unknown[] = []
  const journal = new ReceiptJournal({ history, onError: (error) => void errors.push(error), retryMs: 10 })
  return { history, errors, journal }
}

describe('the journal of receipts', () => {
  it('writes each pointer that moved, with where it came from', async () => {
    const { history, journal } = open()
    journal.add(movedTo(1))
    journal.add(movedTo(5))
    await journal.drained()
    expect(history.written).toEqual([
      { conversationId, userId, kind: 'delivered', from: 0, to: 1, at: 1 },
      { conversationId, userId, kind: 'delivered', from: 4, to: 5, at: 5 },
      { conversationId, userId, kind: 'read', from: 3, to: 4, at: 5 },
    ])
  })

  it('keeps what a store that is down did not take, and writes it when it is back', async () => {
    const { history, errors, journal } = open()
    history.isDown = true
    for (let seq = 1; seq <= 600; seq++)
      journal.add({ ...movedTo(seq), before: { deliveredSeq: 0, readSeq: 0 } })
    await eventually(() => expect(errors.length).toBeGreaterThan(1))
    expect(history.written).toEqual([])
    history.isDown = false
    await eventually(() => expect(history.written).toHaveLength(1199))
    expect(new Set(history.written.map(({ to, kind }) => `${kind} ${to}`)).size).toBe(1199)
    expect(journal.lost).toBe(0)
    await journal.drained()
  })

  it('lets the oldest go when too many wait', async () => {
    const { history, journal } = open()
    history.isDown = true
    for (let seq = 1; seq <= 60_000; seq++) {
      journal.add({ ...movedTo(1), pointers: { deliveredSeq: seq, readSeq: 0 } })
    }
    await journal.drained()
    expect(journal.lost).toBeGreaterThan(9000)
    history.isDown = false
    await journal.drained()
    expect(history.written).toHaveLength(60_000 - journal.lost)
    expect(history.written.at(-1)?.to).toBe(60_000)
  })

  it('writes nothing above 100 members', async () => {
    const { history, journal } = open()
    journal.add(movedTo(5, 101))
    await journal.drained()
    expect(history.written).toEqual([])
  })
})
