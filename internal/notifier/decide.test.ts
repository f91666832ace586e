import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { UserId } from '../domain/ids.ts'
import type { Message } from '../domain/message.ts'
import type { DeviceId } from '../domain/push.ts'
import { messageEvent } from '../testkit/events.ts'
import { type Candidate, type Decision, decide, type Presence, type Settings } from './decide.ts'

const NOW = Date.UTC(2026, 10, 21)
const ann = '01900000-0000-7000-8000-00000000000a' as UserId
const bob = '01900000-0000-7000-8000-00000000000b' as UserId
const phone = '01900000-0000-7000-8000-0000000000f1' as DeviceId
const tablet = '01900000-0000-7000-8000-0000000000f2' as DeviceId

interface Case {
  recipient?: Partial<Candidate>
  message?: Partial<Message>
  settings?: Partial<Settings>
  presence?: Partial<Presence>
  readSeq?: number
}

function decisions({ recipient, message, settings, presence, readSeq = 9 }: Case): Decision[] {
  return decide(
    messageEvent({ senderId: ann, seq: 10, message: message ?? {} }),
    { userId: bob, status: 'active', joinedSeq: 0, devices: [{ id: phone }], ...recipient },
    { mutedUntilMs: null, notify: 'all', ...settings },
    { online: false, graceOver: false, nowMs: NOW, ...presence },
    { readSeq },
  )
}

const push = (...devices: DeviceId[]) => devices.map((device) => `push ${device.slice(-2)} message`)
const mentionsBob = { mentions: { userIds: [bob], all: false } }
const mentionsAll = { mentions: { userIds: [], all: true } }

const TABLE: [string, Case, string[]][] = [
  ['somebody away', {}, push(phone)],
  ['all their devices', { recipient: { devices: [{ id: phone }, { id: tablet }] } }, push(phone, tablet)],
  ['a device listed twice, once', { recipient: { devices: [{ id: phone }, { id: phone }] } }, push(phone)],
  ['not the sender', { recipient: { userId: ann } }, ['none sender']],
  ['not the sender who mentions all', { recipient: { userId: ann }, message: mentionsAll }, ['none sender']],
  ['not the suspended', { recipient: { status: 'suspended' } }, ['none not_active']],
  ['not the deleted', { recipient: { status: 'deleted' } }, ['none not_active']],
  ['not who joined at that place', { recipient: { joinedSeq: 10 } }, ['none joined_later']],
  ['who joined just before', { recipient: { joinedSeq: 9 } }, push(phone)],
  ['no system message', { message: { type: 'system' } }, ['none system_message']],
  ['no deleted message', { message: { deletedAt: '2026-11-20T00:00:00.000Z' } }, ['none deleted']],
  ['no expired message', { message: { expiresAt: '2026-11-21T00:00:00.000Z' } }, ['none expired']],
  ['a message yet to expire', { message: { expiresAt: '2026-11-21T00:00:00.001Z' } }, push(phone)],
  ['not who has read it', { readSeq: 10 }, ['none read']],
  ['not who has read on', { readSeq: 11, presence: { online: true } }, ['none read']],
  ['not while muted', { settings: { mutedUntilMs: NOW + 1 } }, ['none muted']],
  [
    'not while muted, though mentioned',
    { settings: { mutedUntilMs: NOW + 1 }, message: mentionsBob },
    ['none muted'],
  ],
  ['once the mute is over', { settings: { mutedUntilMs: NOW } }, push(phone)],
  [
    'not with notifications off',
    { settings: { notify: 'none' }, message: mentionsBob },
    ['none notifications_off'],
  ],
  ['only mentions: not mentioned', { settings: { notify: 'mentions' } }, ['none not_mentioned']],
  [
    'only mentions: mentioned',
    { settings: { notify: 'mentions' }, message: mentionsBob },
    ['push f1 mentioned'],
  ],
  ['only mentions: all', { settings: { notify: 'mentions' }, message: mentionsAll }, ['push f1 mentioned']],
  [
    'only mentions: another',
    { settings: { notify: 'mentions' }, message: { mentions: { userIds: [ann], all: false } } },
    ['none not_mentioned'],
  ],
  ['later when online', { presence: { online: true } }, ['later online']],
  ['still online after the grace', { presence: { online: true, graceOver: true } }, push(phone)],
  ['online, but muted', { presence: { online: true }, settings: { mutedUntilMs: NOW + 1 } }, ['none muted']],
  ['no device', { recipient: { devices: [] } }, ['none no_device']],
]

describe('decide', () => {
  it.each(TABLE)('%s', (_name, input, expected) => {
    const words = decisions(input).map((decision) =>
      decision.device === null
        ? `${decision.action} ${decision.reason}`
        : `${decision.action} ${decision.device.slice(-2)} ${decision.reason}`,
    )
    expect(words).toEqual(expected)
  })

  it('never pushes to the sender, what was read, or twice to a device, whatever else holds', () => {
    const cases = fc.record({
      userId: fc.constantFrom(ann, bob),
      devices: fc.array(fc.constantFrom({ id: phone }, { id: tablet }), { maxLength: 4 }),
      readSeq: fc.integer({ min: 0, max: 20 }),
      notify: fc.constantFrom('all' as const, 'mentions' as const, 'none' as const),
      online: fc.boolean(),
      graceOver: fc.boolean(),
      all: fc.boolean(),
    })
    fc.assert(
      fc.property(cases, ({ userId, devices, readSeq, notify, online, graceOver, all }) => {
        const result = decisions({
          recipient: { userId, devices },
          settings: { notify },
          presence: { online, graceOver },
          message: { mentions: { userIds: [], all } },
          readSeq,
        })
        const pushed = result.filter((decision) => decision.action === 'push').map(({ device }) => device)
        expect(result.length).toBeGreaterThan(0)
        expect(new Set(pushed).size).toBe(pushed.length)
        if (userId === ann || readSeq >= 10) expect(pushed).toEqual([])
      }),
    )
  })
})
