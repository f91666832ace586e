import { setImmediate as tick } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type ConversationId, newOperationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { eventually } from '../../testkit/eventually.ts'
import { Appender } from './appender.ts'
import type { AppendItem, AppendOutcome, MessageLog } from './ports.ts'

type Fault = 'none' | 'stale' | 'busy' | 'item-fault' | 'lost'

const CURRENT_VERSION = 2
const senderId = uuidv7<UserId>()

/** The log's contract in memory, with a fault for each of its first calls, to show what PostgreSQL rarely does. */
class FaultyLog implements Pick<MessageLog, 'append'> {
  readonly stored = new Map<ConversationId, string[]>()
  readonly #places = new Map<string, number>()
  readonly #faults: Fault[]
  calls = 0

  constructor(faults: Fault[]) {
    this.#faults = faults
  }

  async append(items: readonly AppendItem[], { wait }: { wait: boolean }): Promise<AppendOutcome[]> {
    const fault = this.#faults[this.calls++] ?? 'none'
    await tick()
    if (fault === 'item-fault' && items.length > 1)
      throw Object.assign(new Error('bad bytes'), { code: '22021' })
    const held = fault === 'busy' && !wait ? items[0]?.conversationId : undefined
    const stale = new Set<ConversationId>()
    const outcomes = items.map((item) => {
      if (fault === 'stale' || item.memberVersion !== CURRENT_VERSION) stale.add(item.conversationId)
      if (item.conversationId === held) return { status: 'busy' as const }
      return stale.has(item.conversationId) ? { status: 'stale' as const } : this.#store(item)
    })
    if (fault === 'lost') throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
    return outcomes
  }

  #store(item: AppendItem): AppendOutcome {
    const known = this.#places.get(item.operationId)
    if (known) return { status: 'duplicate', seq: known, rev: 0, ordinal: known, stamp: known, era: 1 }
    const list = this.stored.get(item.conversationId) ?? []
    list.push(item.payload)
    this.stored.set(item.conversationId, list)
    this.#places.set(item.operationId, list.length)
    return { status: 'ok', seq: list.length, rev: 0, ordinal: list.length, stamp: list.length, era: 1 }
  }
}

function itemOf(conversationId: ConversationId, payload: string, memberVersion: number): AppendItem {
  return {
    conversationId,
    senderId,
    operationId: newOperationId(),
    bodyHash: Buffer.alloc(16),
    memberVersion,
    counts: true,
    reads: true,
    rootSeq: null,
    mentions: [],
    payload,
    preview: '{}',
  }
}

/** No send is put off more often than it takes: eight times. */
function bearable(faults: readonly Fault[]): Fault[] {
  let puttingOff = 0
  return faults.map((fault) => ((fault === 'stale' || fault === 'busy') && ++puttingOff > 8 ? 'none' : fault))
}

function appenderOn(log: Pick<MessageLog, 'append'>): Appender {
  return new Appender(log)
}

describe('the appender', () => {
  it('stores each conversation in the order of the calls, each send once, whatever the log answers', async () => {
    const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'stale', 'busy', 'item-fault')
    const send = fc.record({ room: fc.nat(3), cold: fc.boolean(), after: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fault, { maxLength: 40 }),
        fc.array(send, { maxLength: 60 }),
        async (faults, sends) => {
          const log = new FaultyLog(bearable(faults))
          const appender = appenderOn(log)
          const rooms = Array.from({ length: 4 }, () => uuidv7<ConversationId>())
          const expected = new Map<ConversationId, string[]>()
          const outcomes: Promise<unknown>[] = []
          for (const [n, { room, cold, after }] of sends.entries()) {
            const id = rooms[room]
            if (!id) continue
            const payload = `${n}`
            expected.set(id, [...(expected.get(id) ?? []), payload])
            const item = itemOf(id, payload, CURRENT_VERSION)
            const prepare = () => (cold ? tick().then(() => item) : item)
            outcomes.push(appender.append({ conversationId: id, prepare }))
            if (after) await tick()
          }
          await Promise.all(outcomes)
          expect(Object.fromEntries(log.stored)).toEqual(Object.fromEntries(expected))
          await appender.drained()
        },
      ),
      { numRuns: 300 },
    )
  })

  it('prepares a stale send anew, in front of later ones', async () => {
    const log = new FaultyLog([])
    const appender = appenderOn(log)
    const id = uuidv7<ConversationId>()
    const first = itemOf(id, 'first', 1)
    const reloads: boolean[] = []
    const prepare = (reload: boolean) => {
      reloads.push(reload)
      return reload ? { ...first, memberVersion: CURRENT_VERSION } : first
    }
    await Promise.all([
      appender.append({ conversationId: id, prepare }),
      appender.append({ conversationId: id, prepare: () => itemOf(id, 'second', CURRENT_VERSION) }),
    ])
    expect(reloads).toEqual([false, true])
    expect(log.stored.get(id)).toEqual(['first', 'second'])
  })

  it('refuses a send whose sender may not, and lets the others pass', async () => {
    const log = new FaultyLog([])
    const appender = appenderOn(log)
    const id = uuidv7<ConversationId>()
    const refused = appender.append({ conversationId: id, prepare: () => Promise.reject(new Error('no')) })
    const passed = appender.append({ conversationId: id, prepare: () => itemOf(id, 'yes', CURRENT_VERSION) })
    await expect(refused).rejects.toThrow('no')
    await expect(passed).resolves.toMatchObject({ status: 'ok' })
  })

  it('tells every send of a batch whose outcome is unknown', async () => {
    const appender = appenderOn(new FaultyLog(['lost']))
    const id = uuidv7<ConversationId>()
    const sends = ['a', 'b'].map((text) =>
      appender.append({ conversationId: id, prepare: () => itemOf(id, text, CURRENT_VERSION) }),
    )
    const settled = await Promise.allSettled(sends)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await appender.drained()
  })

  it('gives up on a conversation that changes faster than it can be read', async () => {
    const log = new FaultyLog(Array.from({ length: 20 }, () => 'stale'))
    const id = uuidv7<ConversationId>()
    const send = appenderOn(log).append({
      conversationId: id,
      prepare: () => itemOf(id, 'a', CURRENT_VERSION),
    })
    await expect(send).rejects.toMatchObject({ code: 'overloaded' })
  })

  it('refuses what would be stored too late, while much of that waits, and takes sends again afterwards', async () => {
    let now = 0
    const calls: PromiseWithResolvers<void>[] = []
    const log = new FaultyLog([])
    const slow: Pick<MessageLog, 'append'> = {
      append: async (items, options) => {
        const call = Promise.withResolvers<void>()
        calls.push(call)
        await call.promise
        return log.append(items, options)
      },
    }
    const appender = new Appender(slow, () => now)
    const id = uuidv7<ConversationId>()
    const send = (text: string) =>
      appender.append({ conversationId: id, prepare: () => itemOf(id, text, CURRENT_VERSION) })
    const early = Array.from({ length: 1500 }, (_, n) => send(`early ${n}`))
    await eventually(() => expect(calls).toHaveLength(1))
    now = 2000
    calls[0]?.resolve()
    await eventually(() => expect(calls).toHaveLength(2))
    await expect(send('late')).rejects.toMatchObject({ code: 'overloaded' })
    for (let n = 1; n < 12; n++) {
      await eventually(() => expect(calls.length).toBeGreaterThan(n))
      calls[n]?.resolve()
    }
    await Promise.all(early)
    const again = send('again')
    await eventually(() => expect(calls).toHaveLength(13))
    calls[12]?.resolve()
    expect(await again).toMatchObject({ status: 'ok', seq: 1501 })
  })
})
