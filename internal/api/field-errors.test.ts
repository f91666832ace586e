import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { fieldErrors } from './field-errors.ts'

function faultsOf(schema: z.ZodType, value: unknown) {
  const { error } = schema.safeParse(value)
  return error ? fieldErrors(error) : []
}

const circle = z.strictObject({ radius: z.number(), unit: z.string(), filled: z.boolean() })
const square = z.strictObject({ side: z.number() })

describe('fieldErrors', () => {
  it('names a fault by its dotted path', () => {
    const schema = z.object({ points: z.array(z.object({ x: z.number() })) })
    expect(faultsOf(schema, { points: [{ x: 1 }, { x: '2' }] }).map(({ path }) => path)).toEqual([
      'points.1.x',
    ])
  })

  it('tells of a union the faults of the shape that came nearest, below its own path', () => {
    for (const either of [z.union([circle, square]), z.union([square, circle])]) {
      const faults = faultsOf(z.object({ shape: either }), { shape: { side: 'long' } })
      expect(faults).toEqual([{ path: 'shape.side', message: expect.stringContaining('number') }])
    }
  })

  it('stops at twenty', () => {
    const many = Array.from({ length: 30 }, () => 'no number')
    expect(faultsOf(z.array(z.number()), many)).toHaveLength(20)
  })
})
