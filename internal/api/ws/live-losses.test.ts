import { beforeEach, expect, it } from '@jest/globals'
import { LiveLosses } from './live-losses.ts'

let now: number
let losses: LiveLosses
beforeEach(() => {
  now = 1000
  losses = new LiveLosses(() => now)
})

it('has nothing until there is a gap, and nothing once that was taken', () => {
  losses.interrupted()
  losses.restored()
  expect(losses.take()).toBeNull()
  losses.gap(3)
  losses.gap(5)
  expect(losses.take()).toEqual({ since: 1000, shards: new Set([3, 5]) })
  expect(losses.take()).toBeNull()
})

it('takes gaps for as old as the interruption before them, until they were taken while connected', () => {
  losses.interrupted()
  now = 2000
  losses.interrupted()
  losses.gap(1)
  expect(losses.take()?.since).toBe(1000)
  losses.gap(1)
  expect(losses.take()?.since).toBe(1000)
  losses.restored()
  losses.gap(1)
  expect(losses.take()?.since).toBe(1000)
  losses.gap(1)
  expect(losses.take()?.since).toBe(2000)
})

it('has what was given back with what was lost meanwhile', () => {
  losses.gap(1)
  const taken = losses.take()
  if (!taken) throw new Error('nothing was lost')
  now = 2000
  losses.gap(2)
  losses.giveBack(taken)
  expect(losses.take()).toEqual({ since: 1000, shards: new Set([1, 2]) })
  losses.giveBack(taken)
  expect(losses.take()).toEqual(taken)
})
