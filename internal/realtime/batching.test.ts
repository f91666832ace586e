import { describe, expect, it } from '@jest/globals'
import { MemoryBus, MemoryExchange } from '../repository/memory/bus.ts'
import { eventually } from '../testkit/eventually.ts'
import { decodeBatch, encodeBatch } from './batch.ts'
import { BatchingBus } from './batching.ts'
import type { Bus, BusListener } from './ports.ts'

class Node {
  readonly entries: string[] = []
  readonly gaps: number[] = []
  readonly errors: unknown[] = []
  readonly batching: BatchingBus
  readonly #stop = new AbortController()

  constructor(bus: Bus, publisher?: string) {
    this.batching = new BatchingBus({
      bus,
      listener: {
        onEntry: (shard, entry) => this.entries.push(`${shard}:${entry}`),
        onGap: (shard) => this.gaps.push(shard),
      },
      onError: (error) => this.errors.push(error),
      ...(publisher === undefined ? {} : { publisher }),
    })
  }

  async start(): Promise<() => Promise<void>> {
    const ready = Promise.withResolvers<void>()
    const run = this.batching.run(this.#stop.signal, ready.resolve)
    await ready.promise
    return async () => {
      this.#stop.abort()
      await run
    }
  }
}

/** A bus whose publishes can be counted, lost and refused. */
class FaultyBus implements Bus {
  published = 0
  fault: 'none' | 'lose' | 'refuse' = 'none'
  readonly #inner: MemoryBus

  constructor(exchange: MemoryExchange) {
    this.#inner = new MemoryBus(exchange)
  }

  async publish(shard: number, bytes: Uint8Array): Promise<void> {
    this.published++
    if (this.fault === 'refuse') throw new Error('down')
    if (this.fault === 'none') await this.#inner.publish(shard, bytes)
  }

  run(listener: BusListener, signal: AbortSignal, ready: () => void): Promise<void> {
    return this.#inner.run(listener, signal, ready)
  }
}

describe('batches on the wire', () => {
  it('come back as they went', () => {
    const batch = {
      publisher: 'ab'.repeat(16),
      number: 2 ** 40 + 1,
      entries: ['', 'é', '{"a":"\\n"}', '😀'.repeat(500)],
    }
    expect(decodeBatch(encodeBatch(batch))).toEqual(batch)
  })

  it('that are none are told apart', () => {
    const bytes = encodeBatch({ publisher: 'ab'.repeat(16), number: 1, entries: ['abc'] })
    expect(decodeBatch(new Uint8Array())).toBeNull()
    expect(decodeBatch(bytes.subarray(0, 26))).toBeNull()
    expect(decodeBatch(bytes.subarray(0, bytes.length - 1))).toBeNull()
  })
})

describe('BatchingBus', () => {
  it('delivers here at once, there in one batch a tick, nowhere twice', async () => {
    const exchange = new MemoryExchange()
    const bus = new FaultyBus(exchange)
    const [here, there] = [new Node(bus), new Node(new MemoryBus(exchange))]
    const stops = await Promise.all([here.start(), there.start()])
    for (const n of [1, 2, 3]) here.batching.publish(5, `e${n}`)
    expect(here.entries).toEqual(['5:e1', '5:e2', '5:e3'])
    await eventually(() => expect(there.entries).toEqual(['5:e1', '5:e2', '5:e3']))
    expect(bus.published).toBe(1)
    expect(here.entries).toHaveLength(3)
    await Promise.all(stops.map((stop) => stop()))
  })

  it('reports a new publisher and a lost batch, each once', async () => {
    const exchange = new MemoryExchange()
    const bus = new FaultyBus(exchange)
    const [here, there] = [new Node(bus), new Node(new MemoryBus(exchange))]
    const stops = await Promise.all([here.start(), there.start()])
    const say = async (entry: string) => {
      const before = bus.published
      here.batching.publish(7, entry)
      await eventually(() => expect(bus.published).toBeGreaterThan(before))
    }
    await say('first')
    expect(there.gaps).toEqual([7])
    await say('second')
    bus.fault = 'lose'
    await say('lost')
    bus.fault = 'none'
    await say('third')
    await eventually(() => expect(there.entries).toEqual(['7:first', '7:second', '7:third']))
    expect(there.gaps).toEqual([7, 7])
    await Promise.all(stops.map((stop) => stop()))
  })

  it('says after a refused publish that something was lost, though nothing more is said', async () => {
    const exchange = new MemoryExchange()
    const bus = new FaultyBus(exchange)
    const [here, there] = [new Node(bus), new Node(new MemoryBus(exchange))]
    const stops = await Promise.all([here.start(), there.start()])
    here.batching.publish(1, 'heard')
    await eventually(() => expect(there.gaps).toEqual([1]))
    bus.fault = 'refuse'
    here.batching.publish(1, 'lost')
    await eventually(() => expect(here.errors).not.toEqual([]))
    bus.fault = 'none'
    here.batching.onRestored()
    await eventually(() => expect(there.gaps).toEqual([1, 1]))
    expect(there.entries).toEqual(['1:heard'])
    expect(here.entries).toEqual(['1:heard', '1:lost'])
    await Promise.all(stops.map((stop) => stop()))
  })

  it('reports every shard after a broken bus, and drops a batch heard twice', async () => {
    const node = new Node(new MemoryBus())
    const batch = encodeBatch({ publisher: 'cd'.repeat(16), number: 4, entries: ['x'] })
    node.batching.onMessage(3, batch)
    node.batching.onMessage(3, batch)
    node.batching.onMessage(3, Buffer.from('nonsense'))
    expect(node.entries).toEqual(['3:x'])
    expect(node.errors).toHaveLength(1)
    node.batching.onInterrupted()
    node.batching.onRestored()
    expect(node.gaps.slice(1)).toEqual(Array.from({ length: 64 }, (_, shard) => shard))
  })
})
