import type { Device } from '../service/session/ports.ts'
import type { RequestContext } from './http/route.ts'

// The first that matches, as browsers name each other: Edge says Chrome, Chrome says Safari.
const BROWSERS: [RegExp, string][] = [
  [/Edg(?:e|A|iOS)?\//, 'Edge'],
  [/OPR\/|Opera/, 'Opera'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrome\/|CriOS\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/Linux/, 'Linux'],
]
const NAME_MAX = 100

/** A name that its owner recognises in the list of sessions: `Firefox on Linux`, else what it calls itself. */
export function deviceName(userAgent: string): string {
  const browser = BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1]
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1]
  if (browser && system) return `${browser} on ${system}`
  const printable = userAgent.replaceAll(/[^\x20-\x7e]/g, '').trim()
  return printable.slice(0, NAME_MAX) || 'Unknown device'
}

export function deviceOf({ address, userAgent }: RequestContext): Device {
  return { name: deviceName(userAgent), address }
}
