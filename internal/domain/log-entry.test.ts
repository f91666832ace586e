import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { timeOf } from './log-entry.ts'

it('times are as Date writes them', () => {
  const stamp = fc.integer({ min: 0, max: 4_102_444_800_000_000 })
  fc.assert(
    fc.property(stamp, (us) => {
      expect(timeOf(us)).toBe(new Date(Math.floor(us / 1000)).toISOString())
    }),
  )
  for (const us of [0, 86_399_999_999, 86_400_000_000]) {
    expect(timeOf(us)).toBe(new Date(Math.floor(us / 1000)).toISOString())
  }
})
