import { expect, it } from '@jest/globals'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import { SocketLimits } from './socket-limits.ts'

const ann = uuidv7<UserId>()
const bob = uuidv7<UserId>()

function limitsAt(scale: number) {
  const time = { now: 1_000_000 }
  const load = { newcomers: null as number | null, work: null as number | null }
  const sends = { isFull: false }
  const refuses = { refusesNewcomers: () => load.newcomers, refusesWork: () => load.work }
  const limits = new SocketLimits({ now: () => time.now }, scale, refuses, sends)
  const admitted = (userId: UserId, tries: number) =>
    Array.from({ length: tries }, () => limits.push(userId, 'message:send')).filter(
      (refusal) => refusal === null,
    ).length
  return { time, load, sends, limits, admitted }
}

it('lets a burst of pushes through, then as many as time brings, and says when to come again', () => {
  const { time, limits, admitted } = limitsAt(1)
  expect(admitted(ann, 1000)).toBe(300)
  expect(limits.push(ann, 'message:send')).toMatchObject({
    code: 'rate_limited',
    reason: 'rate_limited',
    retryAfterMs: 50,
  })
  time.now += 1000
  expect(admitted(ann, 1000)).toBe(20)
  time.now += 3_600_000
  expect(admitted(ann, 1000)).toBe(300)
})

it('counts each user apart', () => {
  const { admitted } = limitsAt(1)
  admitted(ann, 1000)
  expect(admitted(bob, 10)).toBe(10)
})

it('counts upgrades by address, an IPv6 subscriber as one', () => {
  const { limits } = limitsAt(1)
  for (let n = 0; n < 1000; n++) expect(limits.upgrade(`2001:db8::${n.toString(16)}`)).toBeNull()
  expect(limits.upgrade('2001:db8::ffff')).toEqual({ code: 'rate_limited', retryAfterMs: 20 })
  expect(limits.upgrade('192.0.2.1')).toBeNull()
})

it('is multiplied by the scale, and off at 0', () => {
  expect(limitsAt(0.1).admitted(ann, 1000)).toBe(30)
  expect(limitsAt(0).admitted(ann, 10_000)).toBe(10_000)
  expect(limitsAt(0).limits.sockets).toEqual({ socketsPerKey: 0, socketsPerAddress: 0 })
})

it('turns upgrades away while the node is loaded, and pushes while it can do no more, without taking of a limit', () => {
  const { load, limits, admitted } = limitsAt(1)
  load.newcomers = 2000
  expect(limits.upgrade('192.0.2.1')).toEqual({ code: 'overloaded', retryAfterMs: 2000 })
  expect(limits.push(ann, 'message:send')).toBeNull()
  load.work = 2000
  for (let n = 0; n < 1000; n++)
    expect(limits.push(bob, 'message:send')).toMatchObject({ code: 'overloaded', retryAfterMs: 2000 })
  load.newcomers = null
  load.work = null
  expect(limits.upgrade('192.0.2.1')).toBeNull()
  expect(admitted(bob, 1000)).toBe(300)
})

it('refuses sends alone while too many wait', () => {
  const { sends, limits } = limitsAt(1)
  sends.isFull = true
  expect(limits.push(ann, 'message:send')).toMatchObject({ code: 'overloaded', retryAfterMs: 1000 })
  expect(limits.push(ann, 'message:read')).toBeNull()
  sends.isFull = false
  expect(limits.push(ann, 'message:send')).toBeNull()
})
