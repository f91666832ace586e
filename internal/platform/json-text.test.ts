import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { duplicateKey, nestsDeeperThan } from './json-text.ts'

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

describe('duplicate keys', () => {
  it('are none in what JSON.stringify writes', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => expect(duplicateKey(JSON.stringify(value))).toBeNull()))
  })

  it('are found wherever a key is written again, in either spelling', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), fc.boolean(), (key, value, escaped) => {
        const units = Array.from({ length: key.length }, (_, i) => key.charCodeAt(i))
        const spelt = units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
        const other = escaped ? `"${spelt}"` : JSON.stringify(key)
        const text = `[{"x":{${JSON.stringify(key)}:${JSON.stringify(value)} , ${other}:1}}]`
        expect(duplicateKey(text)).toBe(key)
      }),
    )
  })

  it.each([
    '{"a":{"a":{"a":"a"}},"b":["a","a",{"a":1},{"a":1}]}',
    '["a","a"]',
    '{"a":"a","b":"a"}',
    '{"a',
    '{"\\',
  ])('are not seen in %s', (text) => {
    expect(duplicateKey(text)).toBeNull()
  })
})
