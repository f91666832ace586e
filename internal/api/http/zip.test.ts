import { describe, expect, it } from '@jest/globals'
import { eventually } from '../../testkit/eventually.ts'
import { zipOf } from './zip.ts'

const KIB = 'x'.repeat(1024)

describe('a ZIP that is streamed', () => {
  it('is cut off when an entry cannot be read', async () => {
    async function* failing() {
      yield KIB
      throw new Error('the store went away')
    }
    const zip = zipOf([{ name: 'a.json', text: failing() }])
    await expect(zip.toArray()).rejects.toThrow('the store went away')
  })

  it('reads no further than its reader does, nor the next entry', async () => {
    let read = 0
    let opened = false
    async function* endless() {
      // Random, so that packing it does not make it small.
      for (;;) yield String(Math.random()).repeat(64 + (read++ % 2))
    }
    async function* second() {
      opened = true
      yield KIB
    }
    const zip = zipOf([
      { name: 'a.json', text: endless() },
      { name: 'b.json', text: second() },
    ])
    await new Promise((resolve) => zip.once('readable', resolve))
    expect(read).toBeLessThan(10_000)
    expect(opened).toBe(false)
    zip.destroy()
  })

  it('lets go of what it reads when its reader goes away', async () => {
    let ended = false
    async function* endless() {
      try {
        for (;;) yield KIB
      } finally {
        ended = true
      }
    }
    const zip = zipOf([{ name: 'a.json', text: endless() }])
    await new Promise((resolve) => zip.once('readable', resolve))
    zip.destroy()
    await eventually(() => expect(ended).toBe(true))
  })
})
