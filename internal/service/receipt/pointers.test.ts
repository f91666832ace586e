import { afterEach, describe, expect, it } from '@jest/globals'
import { unavailable } from '../../domain/errors.ts'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { type Moved, PointerCommits } from './pointers.ts'
import type { PointerMove, PointerOutcome, PointerStore } from './ports.ts'

const HEAD = 100

/** Pointers in memory, with faults: what PostgreSQL rarely does. */
class FaultyStore implements PointerStore {
  readonly batches: PointerMove[][] = []
  readonly #read = new Map<string, number>()
  isDown = false
  gate: Promise<unknown> = Promise.resolve()

  async move(moves: readonly PointerMove[]): Promise<PointerOutcome[]> {
    this.batches.push([...moves])
    await this.gate
    if (this.isDown) throw unavailable('PostgreSQL')
    return moves.map(({ userId, readSeq, deliveredSeq }) => {
      const was = this.#read.get(userId) ?? 0
      const now = Math.max(was, Math.min(HEAD, Math.max(readSeq, deliveredSeq)))
      this.#read.set(userId, now)
      const at = (seq: number) => ({ deliveredSeq: seq, readSeq: seq })
      return {
        status: 'stored',
        pointers: at(now),
        before: now > was ? at(was) : null,
        memberCount: 2,
        memberVersion: 1,
        at: 1,
      }
    })
  }
}

const conversationId = uuidv7<ConversationId>()
const moveOf = (userId: UserId, readSeq: number): PointerMove => ({
  conversationId,
  userId,
  deliveredSeq: readSeq,
  readSeq,
  ordinal: null,
})

const opened: PointerCommits[] = []
function open() {
  const store = new FaultyStore()
  const moved: Moved[] = []
  const commits = new PointerCommits({ store, onMoved: (one) => void moved.push(one), flushMs: 5 })
  opened.push(commits)
  return { store, moved, commits }
}
afterEach(async () => {
  for (const commits of opened.splice(0)) await commits.drained()
})

describe('pointers', () => {
  it('answers each caller what is stored, with one move for all that a member reported', async () => {
    const { store, moved, commits } = open()
    const [ann, bob] = [uuidv7<UserId>(), uuidv7<UserId>()]
    const answers = await Promise.all([
      commits.move(moveOf(ann, 3), 'a'),
      commits.move(moveOf(bob, 1000), 'b'),
      commits.move(moveOf(ann, 7), 'a'),
      commits.move(moveOf(ann, 5), 'a'),
    ])
    const read = answers.map((answer) => answer.status === 'stored' && answer.pointers.readSeq)
    expect(read).toEqual([7, HEAD, 7, 7])
    expect(store.batches).toEqual([[moveOf(ann, 7), moveOf(bob, 1000)]])
    expect(moved.map(({ userId, origin }) => [userId, origin])).toEqual([
      [ann, 'a'],
      [bob, 'b'],
    ])
  })

  it('tells of a move once, and names no socket when two asked', async () => {
    const { moved, commits } = open()
    const ann = uuidv7<UserId>()
    await Promise.all([commits.move(moveOf(ann, 3), 'a'), commits.move(moveOf(ann, 4), 'b')])
    await commits.move(moveOf(ann, 2), 'a')
    expect(moved).toMatchObject([
      { userId: ann, origin: null, before: { readSeq: 0 }, pointers: { readSeq: 4 } },
    ])
  })

  it('answers only after the commit, and keeps what comes meanwhile for the next', async () => {
    const { store, commits } = open()
    const ann = uuidv7<UserId>()
    const gate = Promise.withResolvers<void>()
    store.gate = gate.promise
    let answered = false
    const first = commits.move(moveOf(ann, 3), null).then(() => {
      answered = true
    })
    const flushed = commits.drained()
    await new Promise(setImmediate)
    expect([store.batches.length, answered]).toEqual([1, false])
    const second = commits.move(moveOf(ann, 9), null)
    gate.resolve()
    await Promise.all([first, flushed])
    expect(await second).toMatchObject({ before: { readSeq: 3 }, pointers: { readSeq: 9 } })
    expect(store.batches).toHaveLength(2)
  })

  it('fails those it could not store, and goes on when the store is back', async () => {
    const { store, moved, commits } = open()
    const ann = uuidv7<UserId>()
    store.isDown = true
    const failed = await Promise.allSettled([1, 2, 3].map((seq) => commits.move(moveOf(ann, seq), null)))
    expect(failed.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(
      Array(3).fill('dependency_unavailable'),
    )
    expect(moved).toEqual([])
    store.isDown = false
    expect(await commits.move(moveOf(ann, 2), null)).toMatchObject({ pointers: { readSeq: 2 } })
  })

  it('takes no more than 500 members into a commit, and refuses more callers than it can hold', async () => {
    const { store, commits } = open()
    const one = uuidv7<UserId>()
    const members = Array.from({ length: 1001 }, () => commits.move(moveOf(uuidv7<UserId>(), 1), null))
    const crowd = Array.from({ length: 20_000 }, () => commits.move(moveOf(one, 1), null))
    const settled = await Promise.allSettled([...members, ...crowd])
    expect(settled.filter((answer) => answer.status === 'rejected')).toHaveLength(1001)
    expect(settled.at(-1)).toMatchObject({ reason: { code: 'overloaded' } })
    expect(store.batches.map((batch) => batch.length)).toEqual([500, 500, 2])
    expect(await commits.move(moveOf(one, 2), null)).toMatchObject({ status: 'stored' })
  })
})
