import { expect, it } from '@jest/globals'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import { PushLimiter } from './push-limiter.ts'

const ann = uuidv7() as UserId
const bob = uuidv7() as UserId

function limiterAt(scale: number) {
  const time = { now: 1_000_000 }
  const limiter = new PushLimiter({ clock: { now: () => time.now }, scale })
  const admitted = (userId: UserId, tries: number) =>
    Array.from({ length: tries }, () => limiter.admit(userId)).filter((refusal) => refusal === null).length
  return { time, limiter, admitted }
}

it('lets a burst through, then as many as time brings, and says when to come again', () => {
  const { time, limiter, admitted } = limiterAt(1)
  expect(admitted(ann, 1000)).toBe(300)
  expect(limiter.admit(ann)).toMatchObject({ code: 'rate_limited', reason: 'rate_limited', retryAfterMs: 50 })
  time.now += 1000
  expect(admitted(ann, 1000)).toBe(20)
  time.now += 3_600_000
  expect(admitted(ann, 1000)).toBe(300)
})

it('counts each user apart', () => {
  const { admitted } = limiterAt(1)
  admitted(ann, 1000)
  expect(admitted(bob, 10)).toBe(10)
})

it('is multiplied by the scale, and off at 0', () => {
  expect(limiterAt(0.1).admitted(ann, 1000)).toBe(30)
  expect(limiterAt(0).admitted(ann, 10_000)).toBe(10_000)
})
