import { describe, expect, it } from '@jest/globals'
import { Breaker } from './breaker.ts'

/** A breaker of two failures and 100 ms, a clock to move, and how often it let a call through. */
function world() {
  const clock = { ms: 1_000_000, now: () => clock.ms }
  const breaker = new Breaker({ clock, failures: 2, openMs: 100 })
  let tried = 0
  const call = (outcome: 'works' | 'fails') =>
    breaker
      .call(async () => {
        tried++
        if (outcome === 'fails') throw new Error('down')
      })
      .then(
        () => 'worked',
        (error: Error) => error.message,
      )
  return { clock, breaker, call, tried: () => tried }
}

const NOT_TRIED = 'Not tried: the last calls failed.'

describe('Breaker', () => {
  it('opens after failures in a row, and then refuses without a try', async () => {
    const { breaker, call, tried } = world()
    await call('fails')
    await call('works')
    await call('fails')
    expect(breaker.isOpen).toBe(false)
    await call('fails')
    expect(breaker.isOpen).toBe(true)
    expect(await call('works')).toBe(NOT_TRIED)
    expect(tried()).toBe(4)
  })

  it('lets one call try after a while; its success closes it', async () => {
    const { breaker, call, clock } = world()
    await call('fails')
    await call('fails')
    clock.ms += 99
    expect(await call('works')).toBe(NOT_TRIED)
    clock.ms += 1
    expect(await Promise.all([call('works'), call('works')])).toEqual(['worked', NOT_TRIED])
    expect(breaker.isOpen).toBe(false)
    expect(await call('works')).toBe('worked')
  })

  it('stays open when the try fails', async () => {
    const { call, clock } = world()
    await call('fails')
    await call('fails')
    clock.ms += 100
    expect(await call('fails')).toBe('down')
    expect(await call('works')).toBe(NOT_TRIED)
    clock.ms += 100
    expect(await call('works')).toBe('worked')
  })
})
