import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ChatEvent } from '../domain/event.ts'
import type { Message } from '../domain/message.ts'
import { NOTIFY_LEVELS } from '../domain/notification.ts'
import type { Platform } from '../domain/push.ts'
import {
  ann,
  bob,
  type Case,
  cid,
  decisions,
  device,
  encrypted,
  mentionsAll,
  mentionsBob,
  missedCall,
  NOW,
  noon,
  quotes,
  reaction,
} from '../testkit/notify-case.ts'
import type { Decision } from './decide.ts'

describe('decide, whatever holds', () => {
  const bool = fc.boolean()
  const level = fc.constantFrom(...NOTIFY_LEVELS)
  const anything = fc.record({
    to: fc.constantFrom(ann, bob, cid),
    event: fc.constantFrom<(ChatEvent | undefined)[]>(undefined, reaction(), missedCall),
    message: fc.constantFrom<Partial<Message>[]>({}, mentionsAll, mentionsBob, quotes(bob), encrypted),
    recipient: fc.record({
      status: fc.constantFrom('active' as const, 'suspended' as const),
      blocksActor: bool,
      hasEmail: bool,
      hasDevice: bool,
    }),
    member: fc.record({
      kind: fc.constantFrom('direct' as const, 'group' as const),
      joinedSeq: fc.integer({ min: 0, max: 12 }),
      readSeq: fc.integer({ min: 0, max: 20 }),
      mutedUntilMs: fc.constantFrom(null, NOW + 1),
      notify: level,
      followsThread: bool,
    }),
    settings: fc.record({
      push: bool,
      email: bool,
      groups: level,
      threads: bool,
      reactions: bool,
      previews: bool,
      quietHours: fc.constantFrom(null, noon),
    }),
    devices: fc.array(
      fc
        .record({
          name: fc.constantFrom('f1', 'f2', 'f3'),
          notify: level,
          previews: bool,
          platform: fc.constantFrom<Platform[]>('android', 'ios', 'web'),
        })
        .map(({ name, ...more }) => device(name, more)),
      { maxLength: 5 },
    ),
    now: fc.record({ online: bool, graceOver: bool, deleted: bool, withdrawn: bool, mailing: bool }),
  })

  const holds = (property: (given: Case, result: Decision[]) => void) =>
    fc.assert(
      fc.property(anything, ({ event, ...rest }) => {
        const given: Case = { ...rest, ...(event && { event }) }
        property(given, decisions(given))
      }),
      { numRuns: 2000 },
    )
  const tells = ({ outcome }: Decision) => outcome === 'push' || outcome === 'digest' || outcome === 'wait'

  it('never tells the sender, whatever else holds', () => {
    holds((given, result) => {
      if (given.to === ann) expect(result.filter(tells)).toEqual([])
    })
  })

  it('never tells of what was read, deleted, or is of somebody blocked', () => {
    holds((given, result) => {
      const isRead = given.event === undefined && (given.member?.readSeq ?? 0) >= 10
      if (isRead || given.now?.deleted || given.recipient?.blocksActor)
        expect(result.filter(tells)).toEqual([])
    })
  })

  it('never pushes twice to a device, and always gives a reason', () => {
    holds((_given, result) => {
      const pushed = result.filter(({ outcome }) => outcome === 'push').map((each) => each.device)
      expect(new Set(pushed).size).toBe(pushed.length)
      expect(result.some(({ channel }) => channel === 'push')).toBe(true)
      expect(result.filter(({ channel }) => channel === 'email').length).toBeLessThanOrEqual(1)
    })
  })

  it('never shows text where previews are off or the text is not text', () => {
    holds((given, result) => {
      const isHidden = !given.settings?.previews || (given.event === undefined && given.message === encrypted)
      const shows = result.some((each) => each.outcome === 'push' && each.preview)
      if (isHidden) expect(shows).toBe(false)
    })
  })
})
