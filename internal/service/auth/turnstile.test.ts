import { describe, expect, it } from '@jest/globals'
import { Turnstile } from './turnstile.ts'

describe('Turnstile', () => {
  it('runs a bounded number at once, in order, and goes on after a failure', async () => {
    const turnstile = new Turnstile(2, 10)
    const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
    const started: number[] = []
    const done = gates.map((gate, i) =>
      turnstile.pass(async () => {
        started.push(i)
        await gate.promise
      }),
    )
    const results = Promise.allSettled(done)
    expect(started).toEqual([0, 1])
    gates[1]?.reject(new Error('wrong'))
    await expect(done[1]).rejects.toThrow('wrong')
    expect(started).toEqual([0, 1, 2])
    for (const gate of gates) gate.resolve()
    expect((await results).filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    expect(started).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('refuses those beyond who may wait, and has room again afterwards', async () => {
    const turnstile = new Turnstile(1, 1)
    const gate = Promise.withResolvers<void>()
    const [first, second] = [turnstile.pass(() => gate.promise), turnstile.pass(() => gate.promise)]
    await expect(turnstile.pass(async () => {})).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterMs: 2000,
    })
    gate.resolve()
    await Promise.all([first, second])
    await expect(turnstile.pass(async () => 'in')).resolves.toBe('in')
  })
})
