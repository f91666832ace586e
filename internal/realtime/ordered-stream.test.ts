import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { eventually } from '../testkit/eventually.ts'
import { type Numbered, OrderedStream, type OrderedStreamOptions } from './ordered-stream.ts'

type Options = OrderedStreamOptions<string>

/** A stream over a log of 1..`size`; what it delivers and asks for is kept. */
function streamOver(size: number, extra: Partial<Options> = {}) {
  const delivered: number[] = []
  const asked: number[] = []
  const stream = new OrderedStream<string>({
    deliver: (_key, n) => delivered.push(n),
    heal: async (_key, afterN) => {
      asked.push(afterN)
      return log(size).slice(afterN, afterN + 7)
    },
    onError: () => undefined,
    holdMs: 10,
    ...extra,
  })
  stream.open('k', 0)
  return { stream, delivered, asked }
}

const log = (size: number): Numbered<string>[] => upTo(size).map((n) => ({ n, entry: `e${n}` }))
const upTo = (size: number): number[] => Array.from({ length: size }, (_, index) => index + 1)

describe('OrderedStream', () => {
  it('delivers what comes in order at once, and nothing twice', () => {
    const { stream, delivered, asked } = streamOver(3)
    for (const n of [1, 1, 2, 1, 2, 3]) stream.accept('k', n, 'x')
    expect(delivered).toEqual([1, 2, 3])
    expect(asked).toEqual([])
    stream.stop()
  })

  it('holds what is early until the hole is filled', () => {
    const { stream, delivered, asked } = streamOver(4)
    for (const n of [3, 2, 4]) stream.accept('k', n, 'x')
    expect(delivered).toEqual([])
    stream.accept('k', 1, 'x')
    expect(delivered).toEqual([1, 2, 3, 4])
    expect(asked).toEqual([])
    stream.stop()
  })

  it('heals a hole that stays, and counts only what had been missed', async () => {
    const healed: number[] = []
    const { stream, delivered } = streamOver(4, { onHealed: (_key, count) => healed.push(count) })
    for (const n of [1, 4]) stream.accept('k', n, 'x')
    await eventually(() => expect(delivered).toEqual([1, 2, 3, 4]))
    expect(healed).toEqual([2])
    expect(stream.healed).toBe(2)
    stream.stop()
  })

  it('heals at a gap that nothing shows, and at an audit that is ahead', async () => {
    const { stream, delivered, asked } = streamOver(20)
    stream.accept('k', 1, 'x')
    stream.observe('k', 1)
    expect(asked).toEqual([])
    stream.gap('k')
    await eventually(() => expect(delivered).toEqual(upTo(20)))
    stream.close('k')
    stream.open('k', 5)
    stream.observe('k', 20)
    await eventually(() => expect(delivered.slice(20)).toEqual(upTo(20).slice(5)))
    stream.stop()
  })

  it('tries again after a failed healing', async () => {
    let now = 0
    let failures = 2
    const errors: unknown[] = []
    const { stream, delivered } = streamOver(3, {
      now: () => now,
      onError: (error) => errors.push(error),
      heal: async (_key, afterN) => {
        if (failures-- > 0) throw new Error('down')
        return log(3).slice(afterN)
      },
    })
    stream.gap('k')
    await eventually(() => {
      now += 500
      expect(delivered).toEqual([1, 2, 3])
    })
    expect(errors).toHaveLength(2)
    stream.stop()
  })

  it('holds no more than its limit', async () => {
    const { stream, delivered } = streamOver(5000, { maxHeld: 10 })
    for (let n = 2; n <= 5000; n++) stream.accept('k', n, 'x')
    await eventually(() => expect(delivered).toEqual(upTo(5000)))
    stream.stop()
  })

  it('heals many keys a few at a time', async () => {
    let running = 0
    let most = 0
    const { stream, delivered } = streamOver(1, {
      heal: async (_key, afterN) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return log(1).slice(afterN)
      },
    })
    for (const n of upTo(500)) stream.open(`k${n}`, 0)
    for (const n of upTo(500)) stream.gap(`k${n}`)
    await eventually(() => expect(delivered).toHaveLength(500))
    expect(most).toBeLessThanOrEqual(16)
    stream.stop()
  })

  it('keeps what is not admitted, and all after it, until it may go on', () => {
    let isOpen = true
    const { stream, delivered, asked } = streamOver(5, { admit: (_key, entry) => isOpen || entry !== 'e3' })
    const entries = log(5)
    isOpen = false
    for (const { n, entry } of entries) stream.accept('k', n, entry)
    expect(delivered).toEqual([1, 2])
    stream.resume('k')
    expect(delivered).toEqual([1, 2])
    isOpen = true
    stream.accept('k', 4, 'e4')
    expect(delivered).toEqual([1, 2])
    stream.resume('k')
    expect(delivered).toEqual(upTo(5))
    expect(asked).toEqual([])
    stream.stop()
  })

  it('gives exactly 1..n in order for any permutation, doubling and loss', async () => {
    const history = fc.integer({ min: 1, max: 60 }).chain((size) =>
      fc.record({
        size: fc.constant(size),
        arrivals: fc.array(fc.integer({ min: 1, max: size }), { maxLength: 120 }),
        maxHeld: fc.integer({ min: 1, max: 20 }),
        page: fc.integer({ min: 1, max: 10 }),
        ticks: fc.array(fc.nat(5), { maxLength: 120 }),
        refused: fc.array(fc.boolean(), { maxLength: 40 }),
      }),
    )
    await fc.assert(
      fc.asyncProperty(history, async ({ size, arrivals, maxHeld, page, ticks, refused }) => {
        const { stream, delivered } = streamOver(size, {
          maxHeld,
          // Looked up, and let on a little later.
          admit: (key) => {
            if (!refused.pop()) return true
            setImmediate(() => stream.resume(key))
            return false
          },
          holdMs: 1,
          heal: async (_key, afterN) => log(size).slice(afterN, afterN + page),
        })
        for (const [index, n] of arrivals.entries()) {
          stream.accept('k', n, `e${n}`)
          if (ticks[index] === 0) stream.gap('k')
          if (ticks[index] === 1) await new Promise((resolve) => setImmediate(resolve))
        }
        stream.observe('k', size)
        await eventually(() => expect(delivered.length).toBeGreaterThanOrEqual(size))
        stream.stop()
        expect(delivered).toEqual(upTo(size))
      }),
      { numRuns: 200 },
    )
  })
})
