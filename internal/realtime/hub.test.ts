import { describe, expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { type Subscriber, TopicHub } from './hub.ts'
import type { Connection } from './topic.ts'

/** A socket that keeps what it is given. */
function subscriber(
  id: string,
  got: string[],
  version: 1 | 2 = 2,
): Subscriber & { isJoined: boolean; frames: Buffer[] } {
  const frames: Buffer[] = []
  const connection: Connection<unknown> = {
    id,
    actor: null,
    version,
    isOpen: true,
    hasJoined: () => true,
    resyncMark: () => ({ needsResync: false, hubIndex: -1, missedDroppable: false }),
    transmit: () => undefined,
    deliver: (frame) => {
      frames.push(frame)
      got.push(id)
      return true
    },
    close: () => undefined,
  }
  return {
    topic: 't',
    isJoined: true,
    needsResync: false,
    hubIndex: -1,
    missedDroppable: false,
    connection,
    frames,
  }
}

describe('TopicHub', () => {
  it('gives the same bytes to every socket of a serialiser', () => {
    const hub = new TopicHub()
    const got: string[] = []
    const all = [subscriber('a', got), subscriber('b', got), subscriber('c', got, 1)]
    for (const one of all) hub.add(one)
    hub.broadcast('t', 'e', '{"é":1}')
    expect(all[0]?.frames[0]).toBe(all[1]?.frames[0])
    expect(all[0]?.frames[0]?.subarray(2).toString()).toBe('[null,null,"t","e",{"é":1}]')
    expect(JSON.parse(String(all[2]?.frames[0]?.subarray(2)))).toEqual({
      topic: 't',
      event: 'e',
      ref: null,
      payload: { é: 1 },
    })
  })

  it('leaves out the one who caused it, those who left, and other topics', () => {
    const hub = new TopicHub()
    const got: string[] = []
    const [a, b, c] = [subscriber('a', got), subscriber('b', got), subscriber('c', got)]
    for (const one of [a, b, c]) hub.add(one)
    hub.remove(b)
    hub.broadcast('t', 'e', '{}', { exceptConnectionId: 'a' })
    hub.broadcast('other', 'e', '{}')
    expect(got).toEqual(['c'])
    hub.remove(a)
    hub.remove(c)
    expect(hub.size('t')).toBe(0)
  })

  it('lets others in between the slices of a large room, and keeps its order', async () => {
    const hub = new TopicHub()
    const got: string[] = []
    const large = Array.from({ length: 2500 }, (_, n) => subscriber(`s${n}`, got))
    for (const one of large) hub.add(one)
    const small = { ...subscriber('small', got), topic: 'u' }
    hub.add(small)
    hub.broadcast('t', 'first', '{}')
    hub.broadcast('t', 'second', '{}')
    hub.broadcast('u', 'between', '{}')
    expect(got).toHaveLength(1001)
    expect(got.at(-1)).toBe('small')
    const late = subscriber('late', got)
    hub.add(late)
    const gone = large[2400]
    if (gone) gone.isJoined = false
    await eventually(() => expect(got).toHaveLength(1 + 2 * 2499))
    const seen = new Set(large.filter((one) => one !== gone).map(({ frames }) => frames.map(eventOf).join()))
    expect(seen).toEqual(new Set(['first,second']))
    expect([late.frames.length, gone?.frames.length]).toEqual([0, 0])
  })

  it('serves what has come to wait for a large room together, a socket after the other', async () => {
    let now = 0
    const hub = new TopicHub(() => now)
    expect(hub.lateMs).toBe(0)
    const got: string[] = []
    const room = Array.from({ length: 1500 }, (_, n) => subscriber(`s${n}`, got))
    for (const one of room) hub.add(one)
    const events = ['first', 'second', 'third', 'fourth']
    for (const event of events) hub.broadcast('t', event, '{}')
    now = 300
    expect(hub.lateMs).toBe(300)
    await eventually(() => expect(got).toHaveLength(4 * 1500))
    expect(new Set(room.map(({ frames }) => frames.map(eventOf).join()))).toEqual(new Set([events.join()]))
    expect(hub.lateMs).toBe(0)
    const together = got.slice(1500)
    expect(together.filter((id, n) => id === together[n - 1])).toHaveLength(2 * 1500)
  })

  it('keeps the order of a room that has become small while it was being served', async () => {
    const hub = new TopicHub()
    const got: string[] = []
    const room = Array.from({ length: 2500 }, (_, n) => subscriber(`s${n}`, got))
    for (const one of room) hub.add(one)
    hub.broadcast('t', 'first', '{}')
    const left = room.slice(2000)
    for (const one of room.slice(0, 2000)) hub.remove(one)
    hub.broadcast('t', 'second', '{}')
    await eventually(() => expect(left.every(({ frames }) => frames.length === 2)).toBe(true))
    expect(new Set(left.map(({ frames }) => frames.map(eventOf).join()))).toEqual(new Set(['first,second']))
  })
})

function eventOf(frame: Buffer): unknown {
  const [, , , event] = JSON.parse(frame.subarray(2).toString())
  return event
}
