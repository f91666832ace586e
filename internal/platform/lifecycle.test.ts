import { describe, expect, it } from '@jest/globals'
import { aborted, atDrain, type Component, pause, runComponents } from './lifecycle.ts'

/** Says in `seen` when it starts, is told to stop, and has drained. */
function part(name: string, seen: string[]): Component {
  return {
    name,
    async run(signal, ready) {
      seen.push(`${name} starts`)
      await Promise.resolve()
      ready()
      await aborted(signal)
      seen.push(`${name} stops`)
      await new Promise(setImmediate)
      seen.push(`${name} drained`)
    },
  }
}

const broken = (name: string): Component => ({
  name,
  run: () => Promise.reject(new Error(`${name} broke`)),
})

describe('runComponents', () => {
  it('starts one after another and drains in the opposite order, each when its successor has', async () => {
    const seen: string[] = []
    const stop = new AbortController()
    const components = [
      part('store', seen),
      atDrain('close', () => void seen.push('close')),
      part('door', seen),
    ]
    await runComponents(components, stop.signal, () => {
      seen.push('ready')
      stop.abort()
    })
    expect(seen).toEqual([
      ...['store starts', 'door starts', 'ready'],
      ...['door stops', 'door drained', 'close', 'store stops', 'store drained'],
    ])
  })

  it('drains what runs and rejects when one breaks, and starts none after it', async () => {
    const seen: string[] = []
    const components = [part('store', seen), broken('queue'), part('door', seen)]
    const running = runComponents(components, new AbortController().signal, () => seen.push('ready'))
    await expect(running).rejects.toThrow('queue broke')
    expect(seen).toEqual(['store starts', 'store stops', 'store drained'])
  })

  it('waits for work that atDrain began, and fails with it', async () => {
    const stop = new AbortController()
    const failing = atDrain('close', async () => {
      await new Promise(setImmediate)
      throw new Error('not closed')
    })
    await expect(runComponents([failing], stop.signal, () => stop.abort())).rejects.toThrow('not closed')
  })
})

describe('pause', () => {
  it('ends with its time, and at once when the signal aborts', async () => {
    const stop = new AbortController()
    await pause(1, stop.signal)
    const long = pause(600_000, stop.signal)
    stop.abort()
    await long
    await pause(600_000, stop.signal)
  })
})
