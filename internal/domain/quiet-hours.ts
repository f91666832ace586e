import { type QuietHours, WEEKDAYS } from './notification.ts'

const MINUTES_PER_DAY = 1440
const FORMATS_MAX = 1000
const DAY_NAMES: readonly string[] = WEEKDAYS
const formats = new Map<string, Intl.DateTimeFormat>()

/** A clock's face in a zone: 0 (Sunday) to 6, and minutes since midnight. */
interface WallClock {
  weekday: number
  minute: number
}

/** True for an IANA name that this Node knows; offsets such as `+01:00` are none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false
  try {
    formatOf(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/**
 * Whether it is quiet now. It goes by what the clock on the wall shows, so that an hour that a time change
 * skips is not waited for and one that comes twice is quiet twice.
 */
export function isQuiet({ start, end, timeZone, days }: QuietHours, nowMs: number): boolean {
  const { weekday, minute } = wallClock(timeZone, nowMs)
  const from = minutesOf(start)
  const to = minutesOf(end)
  const beginsOn = (day: number) => days.some((each) => WEEKDAYS.indexOf(each) === day)
  if (from < to) return minute >= from && minute < to && beginsOn(weekday)
  if (minute >= from) return beginsOn(weekday)
  return minute < to && beginsOn((weekday + 6) % 7)
}

/** Minutes since midnight of `HH:MM`. */
export function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':')
  return Number(hours) * 60 + Number(minutes)
}

/** `HH:MM` of minutes since midnight. */
export function timeOfMinutes(minutes: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor((minutes % MINUTES_PER_DAY) / 60))}:${two(minutes % 60)}`
}

function wallClock(timeZone: string, nowMs: number): WallClock {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(nowMs)
      .map(({ type, value }) => [type, value]),
  )
  const weekday = DAY_NAMES.indexOf(parts.get('weekday')?.toLowerCase() ?? '')
  return { weekday, minute: minutesOf(`${parts.get('hour')}:${parts.get('minute')}`) }
}

/** Making one takes 50 µs and more, so that they are kept. @throws RangeError for an unknown zone. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  if (formats.size < FORMATS_MAX) formats.set(timeZone, format)
  return format
}
