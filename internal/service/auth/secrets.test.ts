import { describe, expect, it } from '@jest/globals'
import { Secrets } from './secrets.ts'

const secrets = new Secrets('a key of thirty-two characters..')
const plain = Buffer.from('private')

describe('Secrets', () => {
  it('opens what it sealed, and seals alike things differently', () => {
    const [one, two] = [secrets.seal('p', 'c', plain), secrets.seal('p', 'c', plain)]
    expect(one.equals(two)).toBe(false)
    expect(secrets.open('p', 'c', one)).toEqual(plain)
    expect(one.includes(plain)).toBe(false)
  })

  it('refuses what was changed, moved, or sealed by another key', () => {
    const sealed = secrets.seal('p', 'c', plain)
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed)
      changed[i] = (changed[i] ?? 0) ^ 1
      expect(() => secrets.open('p', 'c', changed)).toThrow()
    }
    expect(() => secrets.open('p', 'other', sealed)).toThrow()
    expect(() => secrets.open('other', 'c', sealed)).toThrow()
    expect(() => new Secrets('another key of thirty-two chars.').open('p', 'c', sealed)).toThrow()
    expect(() => secrets.open('p', 'c', sealed.subarray(0, 20))).toThrow()
  })

  it('derives one independent key for each purpose', () => {
    expect(secrets.derive('a')).toHaveLength(32)
    expect(secrets.derive('a').equals(secrets.derive('b'))).toBe(false)
    expect(new Secrets('a key of thirty-two characters..').derive('a')).toEqual(secrets.derive('a'))
  })
})
