import { describe, expect, it } from '@jest/globals'
import { type SessionId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { MemorySessionCache } from '../../repository/memory/session.ts'
import { LOCAL_TTL_MS, SessionGate, SHARED_TTL_MS } from './gate.ts'
import type { SessionState } from './ports.ts'

const id = uuidv7<SessionId>()
const live: SessionState = { userId: uuidv7<UserId>(), role: 'user', status: 'active', ended: false }
const ended: SessionState = { ...live, ended: true }

function world() {
  const at = { now: 0, truth: live, asked: 0 }
  const clock = { now: () => at.now }
  const shared = new MemorySessionCache(clock)
  const load = async () => {
    at.asked++
    return at.truth
  }
  return { at, shared, gate: () => new SessionGate({ load, shared, clock }) }
}

describe('SessionGate', () => {
  it('asks the database once for many requests, on many nodes', async () => {
    const { at, gate } = world()
    const nodes = [gate(), gate(), gate()]
    for (const node of nodes) await Promise.all([node.state(id), node.state(id), node.state(id)])
    expect(at.asked).toBe(1)
  })

  it('shares one question among those who ask at once', async () => {
    const { at, gate } = world()
    const node = gate()
    await Promise.all(Array.from({ length: 50 }, () => node.state(id)))
    expect(at.asked).toBe(1)
  })

  it('is never further behind than its two caches together, nobody telling it', async () => {
    const { at, gate } = world()
    const [one, two] = [gate(), gate()]
    await one.state(id)
    at.truth = ended
    // Another node takes the shared cache's word in its last moment, and keeps it for its own time.
    at.now = SHARED_TTL_MS - 1
    expect(await two.state(id)).toEqual(live)
    at.now += LOCAL_TTL_MS
    expect(at.now).toBeLessThan(1000)
    expect(await two.state(id)).toEqual(ended)
  })

  it('knows at once on the node that ended it', async () => {
    const { at, gate } = world()
    const [one, two] = [gate(), gate()]
    await one.state(id)
    await two.state(id)
    at.truth = ended
    await one.forget([id])
    expect(await one.state(id)).toEqual(ended)
    at.now = LOCAL_TTL_MS
    expect(await two.state(id)).toEqual(ended)
  })

  it('knows at once on a node that has heard of it', async () => {
    const { at, gate } = world()
    const [one, two] = [gate(), gate()]
    await two.state(id)
    at.truth = ended
    await one.forget([id])
    expect(await two.state(id)).toEqual(live)
    two.forgetHere([id])
    expect(await two.state(id)).toEqual(ended)
  })
})
