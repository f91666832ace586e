import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { uuidv7 } from '../../domain/ids.ts'
import type { DeviceId } from '../../domain/push.ts'
import { ATTEMPTS_PER_ROUND, type Claim, type ClaimState } from '../../notifier/ports.ts'
import { randomConversationId, randomUserId } from '../../testkit/events.ts'
import { testPostgres } from '../../testkit/services.ts'
import { createPool } from './database.ts'
import { PostgresClaimStore } from './notification-claims.ts'

/** A lease that has not run out, and one that has. */
const YOUNG = 3_600_000
const OLD = -1

describe('PostgresClaimStore', () => {
  let pool: pg.Pool
  let store: PostgresClaimStore
  let claim: Claim

  beforeAll(async () => {
    pool = createPool({ url: (await testPostgres()).url, max: 10, applicationName: 'test' })
    store = new PostgresClaimStore(pool)
  })

  afterAll(() => pool.end())

  beforeEach(() => {
    claim = newClaim()
  })

  function newClaim(): Claim {
    const conversationId = randomConversationId()
    return {
      day: '2026-11-21',
      eventId: `${conversationId}:1:s1`,
      deviceId: uuidv7<DeviceId>(),
      userId: randomUserId(),
      conversationId,
      seq: 1,
      attempt: 0,
    }
  }

  const attempt = (number: number): Claim => ({ ...claim, attempt: number })
  const take = async (of: Claim, leaseMs = YOUNG) => (await store.claim([of], leaseMs))[0]
  const settle = (of: Claim, state: ClaimState, unknown = false) =>
    store.settle([{ claim: of, state, reason: null, unknown }])

  it('gives a claim to one of many who ask at once', async () => {
    const claims = Array.from({ length: 50 }, newClaim)
    const results = await Promise.all(Array.from({ length: 8 }, () => store.claim(claims, YOUNG)))
    const taken = claims.map((_, i) => results.filter((each) => each[i]?.kind === 'claimed').length)
    expect(new Set(taken)).toEqual(new Set([1]))
    const others = results.flat().filter(({ kind }) => kind !== 'claimed')
    expect(new Set(others.map(({ kind }) => kind))).toEqual(new Set(['busy']))
  })

  it('gives it once to a batch that holds it twice', async () => {
    expect(await store.claim([claim, claim], YOUNG)).toMatchObject([{ kind: 'claimed' }, { kind: 'settled' }])
  })

  it.each<ClaimState>(['sent', 'gone', 'dropped', 'dead'])('is done when %s', async (state) => {
    await take(claim)
    await settle(claim, state)
    expect(await take(claim, OLD)).toEqual({ kind: 'settled' })
    expect(await take(attempt(1), OLD)).toEqual({ kind: 'settled' })
  })

  it('is taken again in the next round of attempts once it is dead', async () => {
    const claim = attempt(1)
    await take(claim)
    await settle(claim, 'dead')
    expect(await take(attempt(5), OLD)).toEqual({ kind: 'settled' })
    expect(await take(attempt(ATTEMPTS_PER_ROUND), OLD)).toEqual({ kind: 'claimed', repeated: false })
    expect(await take(attempt(ATTEMPTS_PER_ROUND), 30_000)).toEqual({ kind: 'busy' })
  })

  it('goes to the next attempt after a failure, once', async () => {
    await take(claim)
    await settle(claim, 'retry')
    expect(await take(claim)).toEqual({ kind: 'pending' })
    expect(await take(attempt(1))).toEqual({ kind: 'claimed', repeated: false })
    expect(await take(attempt(1))).toEqual({ kind: 'busy' })
    expect(await take(claim)).toEqual({ kind: 'settled' })
  })

  it('can be taken once more when nobody recorded an outcome in time', async () => {
    await take(claim)
    expect(await take(claim)).toEqual({ kind: 'busy' })
    expect(await take(claim, OLD)).toEqual({ kind: 'claimed', repeated: true })
    expect(await take(claim, OLD)).toEqual({ kind: 'unknown' })
  })

  it('remembers over attempts that an outcome was not known', async () => {
    await take(claim)
    await settle(claim, 'retry', true)
    expect(await take(attempt(1))).toEqual({ kind: 'claimed', repeated: true })
    expect(await take(attempt(1), OLD)).toEqual({ kind: 'unknown' })
  })

  it('ignores the outcome of an attempt that was overtaken', async () => {
    await take(claim)
    await settle(claim, 'retry')
    await take(attempt(1))
    await settle(claim, 'dead')
    await settle(attempt(1), 'sent')
    const { rows } = await pool.query('select state, attempt from notification_claims where event_id = $1', [
      claim.eventId,
    ])
    expect(rows).toEqual([{ state: 'sent', attempt: 1 }])
  })

  it('forgets old days, a bounded number at a time', async () => {
    const old = Array.from({ length: 5 }, () => ({ ...newClaim(), day: '2026-11-01' }))
    await store.claim([...old, claim], YOUNG)
    const before = Date.UTC(2026, 10, 14, 12)
    expect(await store.prune(before, 3)).toBe(3)
    expect(await store.prune(before, 3)).toBe(2)
    expect(await store.prune(before, 3)).toBe(0)
    expect(await take(claim)).toEqual({ kind: 'busy' })
  })
})
