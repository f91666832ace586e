import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { duplicateKey } from './json-text.ts'

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
