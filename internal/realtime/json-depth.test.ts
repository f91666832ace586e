import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { nestsDeeperThan } from './json-depth.ts'

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

describe('nesting', () => {
  it('is that of the parsed value, whatever its strings contain', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 12 }), fc.integer({ min: 0, max: 14 }), (value, max) => {
        for (const text of [JSON.stringify(value), JSON.stringify(value, null, 1)]) {
          expect(nestsDeeperThan(text, max)).toBe(depthOf(JSON.parse(text)) > max)
        }
      }),
    )
  })

  it.each(['["[[[[[[[["]', '"\\"[[[[[[[["', '"[[[[[[[[', '"\\'])('of %j does not count strings', (text) => {
    expect(nestsDeeperThan(text, 4)).toBe(false)
  })

  it('of a million lists is told without recursion', () => {
    expect(nestsDeeperThan('['.repeat(1_000_000), 400_000)).toBe(true)
  })
})
