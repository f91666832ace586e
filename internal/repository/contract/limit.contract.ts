import { randomUUID } from 'node:crypto'
import { expect, it } from '@jest/globals'
import type { RateLimit, RateLimiter } from '../../service/limit/ports.ts'

/** What every RateLimiter does; `make` gives one with the scale. */
export function rateLimiterContract(make: (scale: number) => RateLimiter): void {
  const limit = (points: number): RateLimit => ({
    name: `test-${randomUUID()}`,
    points,
    seconds: 60,
    whenDown: 'refuse',
  })

  async function granted(limiter: RateLimiter, of: RateLimit, key: string, tries: number): Promise<number> {
    const results = await Promise.allSettled(Array.from({ length: tries }, () => limiter.consume(of, key)))
    return results.filter(({ status }) => status === 'fulfilled').length
  }

  it('grants exactly its points to parallel calls, per key', async () => {
    const limiter = make(1)
    const five = limit(5)
    expect(await granted(limiter, five, 'a', 40)).toBe(5)
    expect(await granted(limiter, five, 'b', 3)).toBe(3)
  })

  it('says when to come back', async () => {
    const limiter = make(1)
    const once = limit(1)
    await limiter.consume(once, 'a')
    await expect(limiter.consume(once, 'a')).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfterMs: expect.any(Number),
    })
  })

  it('forgets on reset', async () => {
    const limiter = make(1)
    const once = limit(1)
    await limiter.consume(once, 'a')
    await limiter.reset(once, 'a')
    await limiter.consume(once, 'a')
  })

  it('scales, and 0 turns it off', async () => {
    expect(await granted(make(2), limit(2), 'a', 10)).toBe(4)
    expect(await granted(make(0), limit(1), 'a', 10)).toBe(10)
  })
}
