import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type QuietHours, WEEKDAYS } from './notification.ts'
import { isQuiet, isTimeZone, minutesOf, timeOfMinutes } from './quiet-hours.ts'

const night = (timeZone: string, more: Partial<QuietHours> = {}): QuietHours => ({
  start: '22:00',
  end: '07:00',
  timeZone,
  days: [...WEEKDAYS],
  ...more,
})
const at = (time: string) => Date.parse(time)

/** [what, quiet hours, instant in UTC, quiet?]; the comments say what the clock on the wall shows. */
const CASES: [string, QuietHours, string, boolean][] = [
  ['Berlin, one minute before', night('Europe/Berlin'), '2026-01-10T20:59:00Z', false],
  ['Berlin, from 22:00 on', night('Europe/Berlin'), '2026-01-10T21:00:00Z', true],
  ['Berlin, until 06:59', night('Europe/Berlin'), '2026-01-11T05:59:59Z', true],
  ['Berlin, not at 07:00', night('Europe/Berlin'), '2026-01-11T06:00:00Z', false],
  ['Berlin in summer, an hour earlier in UTC', night('Europe/Berlin'), '2026-07-10T20:00:00Z', true],
  // 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
  ['Berlin, the night that loses an hour, 06:59', night('Europe/Berlin'), '2026-03-29T04:59:00Z', true],
  ['Berlin, the night that loses an hour, 07:00', night('Europe/Berlin'), '2026-03-29T05:00:00Z', false],
  [
    'Berlin, hours that begin in the hour that is skipped',
    night('Europe/Berlin', { start: '02:30', end: '04:00' }),
    '2026-03-29T01:00:00Z', // 03:00
    true,
  ],
  [
    'Berlin, hours that lie wholly in the hour that is skipped',
    night('Europe/Berlin', { start: '02:10', end: '02:50' }),
    '2026-03-29T01:00:00Z',
    false,
  ],
  // 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
  [
    'Berlin, the hour that comes twice, the first time',
    night('Europe/Berlin', { start: '02:00', end: '03:00' }),
    '2026-10-25T00:30:00Z',
    true,
  ],
  [
    'Berlin, the hour that comes twice, the second time',
    night('Europe/Berlin', { start: '02:00', end: '03:00' }),
    '2026-10-25T01:30:00Z',
    true,
  ],
  [
    'Berlin, after both',
    night('Europe/Berlin', { start: '02:00', end: '03:00' }),
    '2026-10-25T02:00:00Z',
    false,
  ],
  // 8 March 2026: EST to EDT at 07:00 UTC.
  ['New York, the evening before, 22:00', night('America/New_York'), '2026-03-08T03:00:00Z', true],
  ['New York, 06:59 after the change', night('America/New_York'), '2026-03-08T10:59:00Z', true],
  ['New York, 07:00 after the change', night('America/New_York'), '2026-03-08T11:00:00Z', false],
  // 1 November 2026: EDT to EST at 06:00 UTC.
  ['New York, 06:59 after the change back', night('America/New_York'), '2026-11-01T11:59:00Z', true],
  ['New York, 07:00 after the change back', night('America/New_York'), '2026-11-01T12:00:00Z', false],
  // Samoa went from Thursday 29 to Saturday 31 December 2011; its Friday did not happen.
  ['Apia, Thursday 23:59', night('Pacific/Apia', { days: ['thu'] }), '2011-12-30T09:59:00Z', true],
  [
    'Apia, Saturday 00:00: the night that began on Thursday is not the one before Saturday',
    night('Pacific/Apia', { days: ['thu'] }),
    '2011-12-30T10:00:00Z',
    false,
  ],
  [
    'Apia, Saturday 00:00, whose night by the calendar began on Friday',
    night('Pacific/Apia', { days: ['fri'] }),
    '2011-12-30T10:00:00Z',
    true,
  ],
  ['working days: Friday night lasts into Saturday', workdays(), '2026-11-21T05:00:00Z', true],
  ['working days: not Saturday night', workdays(), '2026-11-21T23:00:00Z', false],
  ['working days: not Sunday morning', workdays(), '2026-11-22T05:00:00Z', false],
  ['working days: not Monday morning', workdays(), '2026-11-23T05:00:00Z', false],
  ['by day: a lunch break', night('UTC', { start: '12:00', end: '13:00' }), '2026-11-21T12:30:00Z', true],
  [
    'all day when it ends as it begins',
    night('UTC', { start: '09:00', end: '09:00' }),
    '2026-11-21T08:59:00Z',
    true,
  ],
  [
    'midnight is 00:00, not 24:00',
    night('UTC', { start: '00:00', end: '00:30' }),
    '2026-11-21T00:00:00Z',
    true,
  ],
]

function workdays(): QuietHours {
  return night('UTC', { days: ['mon', 'tue', 'wed', 'thu', 'fri'] })
}

describe('quiet hours', () => {
  it.each(CASES)('%s', (_what, hours, instant, expected) => {
    expect(isQuiet(hours, at(instant))).toBe(expected)
  })

  it('are quiet or not by the wall clock alone, in every zone', () => {
    const zones = [
      'Europe/Berlin',
      'America/New_York',
      'Pacific/Apia',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
    ]
    const instant = fc.integer({ min: at('2000-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') })
    const minute = fc.integer({ min: 0, max: 1439 })
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, minute, minute, (timeZone, nowMs, from, to) => {
        fc.pre(from !== to)
        const hours = { timeZone, days: [...WEEKDAYS] }
        const quiet = isQuiet({ ...hours, start: timeOfMinutes(from), end: timeOfMinutes(to) }, nowMs)
        const rest = isQuiet({ ...hours, start: timeOfMinutes(to), end: timeOfMinutes(from) }, nowMs)
        expect(quiet).toBe(!rest)
      }),
    )
  })

  it.each(['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])('knows %s', (name) => {
    expect(isTimeZone(name)).toBe(true)
  })

  it.each(['', '+01:00', 'Mars/Olympus', 'Europe/Berlin ', 'x'.repeat(65)])('knows no zone "%s"', (name) => {
    expect(isTimeZone(name)).toBe(false)
  })

  it('write minutes as they read them', () => {
    for (let minute = 0; minute < 1440; minute++) expect(minutesOf(timeOfMinutes(minute))).toBe(minute)
  })
})
