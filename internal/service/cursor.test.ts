import { describe, expect, it } from '@jest/globals'
import { decodeCursor, encodeCursor } from './cursor.ts'

const read = (at: string) => decodeCursor<{ at: string }>(encodeCursor({ at }), { at: 'time' })

describe('a cursor', () => {
  it('holds times that the database takes', () => {
    expect(read('2026-11-21T05:57:47.314Z')).toEqual({ at: '2026-11-21T05:57:47.314Z' })
    for (const at of [
      '0000-01-01T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '+275760-09-13T00:00:00Z',
      'infinity',
    ]) {
      expect(() => read(at)).toThrow('cursor')
    }
  })
})
