import { expect, it } from '@jest/globals'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import { eventually } from '../../testkit/eventually.ts'
import { PRESENCE_DAMP_MS, PRESENCE_LEASE_MS, PRESENCE_RENEW_MS } from './ports.ts'
import { type PresenceSignal, PresenceSignals } from './signals.ts'

const ann = uuidv7<UserId>()
const NOW = Date.parse('2026-11-21T00:00:00.000Z')
const AT = '2026-11-21T00:00:00.000Z'

function signals({ isHidden = false, dampMs = 5 } = {}) {
  const online = new Set<UserId>()
  const told: PresenceSignal[] = []
  const seen: string[] = []
  const made = new PresenceSignals({
    isOnline: async (userIds) => new Set(userIds.filter((userId) => online.has(userId))),
    members: {
      seen: async (_userId, at) => {
        seen.push(at)
        return isHidden
      },
    },
    tell: (signal) => told.push(signal),
    onError: (error) => {
      throw error
    },
    now: () => NOW,
    dampMs,
  })
  return { online, told, seen, made }
}

it('leaves time to tell of the users of a dead node within 45 s, though one renewal may be late', () => {
  expect(PRESENCE_LEASE_MS + PRESENCE_RENEW_MS + PRESENCE_DAMP_MS).toBeLessThan(45_000)
  expect(PRESENCE_LEASE_MS).toBeGreaterThan(2 * PRESENCE_RENEW_MS)
})

it('tells of who came at once, and of who went when they stay away', async () => {
  const { told, seen, made } = signals()
  made.online(ann)
  expect(told).toEqual([{ userId: ann, isOnline: true, at: AT }])
  made.offline(ann)
  await eventually(() => expect(told).toHaveLength(2))
  expect(told[1]).toEqual({ userId: ann, isOnline: false, at: AT })
  expect(seen).toEqual([AT])
})

it('does not tell of a moment away, whichever node they come back to', async () => {
  const { online, told, seen, made } = signals({ dampMs: 60_000 })
  made.offline(ann)
  made.online(ann)
  await made.drained()
  expect(told).toEqual([{ userId: ann, isOnline: true, at: AT }])
  made.offline(ann)
  online.add(ann)
  await made.drained()
  expect([told.length, seen]).toEqual([1, []])
})

it('does not say since when of those who hide it', async () => {
  const { told, made } = signals({ isHidden: true, dampMs: 60_000 })
  made.offline(ann)
  await made.drained()
  expect(told).toEqual([{ userId: ann, isOnline: false, at: null }])
})
