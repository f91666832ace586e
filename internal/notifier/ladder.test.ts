import { describe, expect, it } from '@jest/globals'
import { retryDelay } from './ladder.ts'

describe('retryDelay', () => {
  it('waits 5 s, 30 s, 2 min, 10 min and 1 h, then no more', () => {
    expect([0, 1, 2, 3, 4, 5].map((attempt) => retryDelay(attempt, null))).toEqual([
      5_000,
      30_000,
      120_000,
      600_000,
      3_600_000,
      null,
    ])
  })

  it('never comes back before it is wished for, as far as waits go', () => {
    expect(retryDelay(0, 4_000)).toBe(5_000)
    expect(retryDelay(0, 6_000)).toBe(10_000)
    expect(retryDelay(1, 90_000)).toBe(120_000)
    expect(retryDelay(0, 86_400_000)).toBe(3_600_000)
    expect(retryDelay(5, 1_000)).toBeNull()
  })
})
