import { describe, expect, it } from '@jest/globals'
import type { DeviceId } from '../../domain/push.ts'
import { NO_REASONS } from '../../notifier/ports.ts'
import { explain } from './explain.ts'
import type { AttemptRow, DecisionRow } from './ports.ts'
import { hasWords } from './reasons.ts'

const phone = '01900000-0000-7000-8000-0000000000f1' as DeviceId
const tablet = '01900000-0000-7000-8000-0000000000f2' as DeviceId
const AT = '2026-11-21T12:00:00.000Z'

const decided = (pass: number, words: string): DecisionRow => {
  const [outcome = '', reason = '', device] = words.split(' ')
  const id = device === undefined ? null : device === 'phone' ? phone : tablet
  return { pass, at: AT, channel: 'push', device: id, outcome: outcome as DecisionRow['outcome'], reason }
}
const mailed = (pass: number, words: string): DecisionRow => ({ ...decided(pass, words), channel: 'email' })
const tried = (state: AttemptRow['state'], attempt = 0, reason: string | null = null, device = phone) => ({
  device,
  state,
  attempt,
  reason,
  at: AT,
})

/** [what, decisions, attempts, what is told: outcome, reason, attempts, device]. */
const TABLE: [string, DecisionRow[], AttemptRow[], string[]][] = [
  ['nothing known', [], [], []],
  ['not told', [decided(0, 'none muted')], [], ['none muted 0 all']],
  ['waiting', [decided(0, 'wait online')], [], ['pending online 0 all']],
  ['read while waiting', [decided(0, 'wait online'), decided(1, 'none read')], [], ['none read 0 all']],
  ['sent', [decided(0, 'push message phone')], [tried('sent')], ['sent message 1 Phone']],
  ['about to be sent', [decided(0, 'push message phone')], [], ['pending message 0 Phone']],
  [
    'sent to one, not wanted on the other',
    [decided(0, 'push message phone'), decided(0, 'none device_off tablet')],
    [tried('sent')],
    ['sent message 1 Phone', 'none device_off 0 Tablet'],
  ],
  [
    'failed once, and to be tried again',
    [decided(0, 'push message phone')],
    [tried('retry', 0, 'internal-error')],
    ['pending internal-error 1 Phone'],
  ],
  [
    'failed once, read before the second',
    [decided(0, 'push message phone'), decided(3, 'none read')],
    [tried('retry', 0, 'internal-error')],
    ['none read 1 Phone'],
  ],
  [
    'sent to one, read before the second attempt at the other',
    [decided(0, 'push direct phone'), decided(0, 'push direct tablet'), decided(3, 'none read')],
    [tried('sent'), tried('retry', 0, 'internal-error', tablet)],
    ['sent direct 1 Phone', 'none read 1 Tablet'],
  ],
  ['given up', [decided(1, 'push message phone')], [tried('dead', 5, 'x')], ['failed x 6 Phone']],
  [
    'its token is gone',
    [decided(0, 'push message phone')],
    [tried('gone', 0, 'gone')],
    ['failed gone 1 Phone'],
  ],
  [
    'to be mailed as well',
    [decided(0, 'none quiet_hours'), mailed(0, 'digest direct')],
    [],
    ['none quiet_hours 0 all', 'pending direct 0 all'],
  ],
  [
    'mailed',
    [decided(0, 'none no_device'), mailed(0, 'digest direct'), mailed(30_000, 'sent direct')],
    [],
    ['none no_device 0 all', 'sent direct 1 all'],
  ],
]

describe('explain', () => {
  it.each(TABLE)('%s', (_what, decisions, attempts, expected) => {
    const devices = [
      { id: phone, platform: 'ios' as const, deviceName: 'Phone' },
      { id: tablet, platform: 'web' as const, deviceName: 'Tablet' },
    ]
    const told = explain(decisions, attempts, devices)
    const words = told.map(({ outcome, reason, attempts: count, device }) => {
      return `${outcome} ${reason} ${count} ${device?.deviceName ?? 'all'}`
    })
    expect(words).toEqual(expected)
    expect(told.every(({ text, at }) => text.length > 0 && at === AT)).toBe(true)
  })

  it('names a device that is registered no more by its id', () => {
    const [told] = explain([decided(0, 'push message phone')], [tried('gone')], [])
    expect(told?.device).toEqual({ id: phone, platform: null, deviceName: null })
  })

  it('has words for every reason there is', () => {
    expect(NO_REASONS.filter((reason) => !hasWords(reason))).toEqual([])
  })
})
