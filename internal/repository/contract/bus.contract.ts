import { expect, it } from '@jest/globals'
import { type Bus, SHARDS } from '../../realtime/ports.ts'
import { eventually } from '../../testkit/eventually.ts'

/** One node's ear. */
async function listen(bus: Bus) {
  const heard: string[] = []
  const stop = new AbortController()
  const ready = Promise.withResolvers<void>()
  const listener = {
    onMessage: (shard: number, bytes: Uint8Array) =>
      heard.push(`${shard}:${Buffer.from(bytes).toString('latin1')}`),
    onInterrupted: () => undefined,
    onRestored: () => undefined,
  }
  const run = bus.run(listener, stop.signal, ready.resolve)
  await ready.promise
  return {
    heard,
    end: async () => {
      stop.abort()
      await run
    },
  }
}

/** What every Bus does; `make` gives another node's end of the same bus. */
export function busContract(make: () => Bus): void {
  it('carries bytes to every node, the publisher included, on every shard, once', async () => {
    const [a, b] = [make(), make()]
    const ears = await Promise.all([listen(a), listen(b)])
    const bytes = Buffer.from([0, 255, 10, 128])
    const expected = Array.from({ length: SHARDS }, (_, shard) => `${shard}:${bytes.toString('latin1')}`)
    for (let shard = 0; shard < SHARDS; shard++) await a.publish(shard, bytes)
    for (const { heard } of ears)
      await eventually(() => expect([...heard].sort()).toEqual([...expected].sort()))
    await Promise.all(ears.map(({ end }) => end()))
  })

  it('keeps the order of one publisher on one shard', async () => {
    const [a, b] = [make(), make()]
    const ear = await listen(b)
    const messages = Array.from({ length: 500 }, (_, index) => `m${index}`)
    await Promise.all(messages.map((message) => a.publish(9, Buffer.from(message))))
    await eventually(() => expect(ear.heard).toEqual(messages.map((message) => `9:${message}`)))
    await ear.end()
  })

  it('publishes a view of a larger buffer as the view', async () => {
    const bus = make()
    const ear = await listen(bus)
    await bus.publish(0, new Uint8Array(Buffer.from('xxyesxx')).subarray(2, 5))
    await eventually(() => expect(ear.heard).toEqual(['0:yes']))
    await ear.end()
  })

  it('keeps nothing for who is not there, and ends when told', async () => {
    const [a, b] = [make(), make()]
    const early = await listen(b)
    await early.end()
    await a.publish(1, Buffer.from('missed'))
    const late = await listen(make())
    await a.publish(1, Buffer.from('heard'))
    await eventually(() => expect(late.heard).toEqual(['1:heard']))
    expect(early.heard).toEqual([])
    await late.end()
  })

  it('refuses a shard that is none', async () => {
    await expect(make().publish(SHARDS, Buffer.from('x'))).rejects.toThrow(RangeError)
  })
}
