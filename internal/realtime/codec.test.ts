import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { MAX_DEPTH, parseFrame } from './codec.ts'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('reading a message', () => {
  it('never throws, whatever the text', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.array(fc.jsonValue()).map(String))
    fc.assert(
      fc.property(fc.constantFrom(1 as const, 2 as const), anything, (version, text) => {
        expect(['frame', 'malformed']).toContain(parseFrame(version, text).kind)
      }),
    )
  })

  it('never throws for five elements of any kind, and echoes any ref that is short', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.string(), (joinRef, ref, topic) => {
        const parsed = parseFrame(2, JSON.stringify([joinRef, ref, topic, 'event', {}]))
        if (parsed.kind === 'frame') {
          expect(JSON.parse(parsed.frame.ref)).toEqual(JSON.parse(JSON.stringify(ref)))
        }
      }),
    )
  })

  // These would overflow the stack, and with it end the process, when a ref is written back.
  it.each([
    ['a ref', `[null,${nested(50_000)},"phoenix","heartbeat",{}]`],
    ['a join ref', `[${nested(50_000)},"1","phoenix","heartbeat",{}]`],
    ['the payload beside a number that is read again', `[null,1e400,"t","e",{"a":${nested(50_000)}}]`],
  ])('refuses deep nesting in %s', (_where, text) => {
    expect(parseFrame(2, text)).toEqual({ kind: 'malformed', why: 'nested too deeply' })
  })

  it('accepts a payload as deep as is allowed', () => {
    const payload = `{"a":${nested(MAX_DEPTH - 2)}}`
    expect(parseFrame(2, `[null,null,"t","e",${payload}]`).kind).toBe('frame')
  })
})
