import type { Container } from 'inversify'
import type { Counters } from '../../internal/realtime/index.ts'
import { ID } from './identifiers.ts'

const COUNTERS: Record<keyof Counters, string> = {
  upgradesAccepted: 'Upgrades accepted since the start.',
  upgradesRefused: 'Upgrades refused since the start.',
  framesReceived: 'Frames received since the start.',
  framesDropped: 'Broadcast frames not queued for sockets that read too slowly.',
  resyncs: 'Topics told to rejoin, as they missed something.',
  closedSlow: 'Sockets closed as too slow.',
  closedSilent: 'Sockets closed as nothing was heard of them.',
  badFrames: 'Frames that were not the protocol.',
  channelCrashes: 'Channels that ended by a fault of the server.',
}

const LEVELS = ['normal', 'no newcomers', 'no work'] as const

/** What the sockets count, and what is turned away, as metrics. */
export function bindSocketMetrics(container: Container): void {
  const metrics = container.get(ID.metrics)
  for (const name of Object.keys(COUNTERS)) {
    if (!isCounter(name)) continue
    const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    metrics.gauge(`realchat_socket_${snake}`, COUNTERS[name], () => container.get(ID.realtime).counters[name])
  }
  const help = '0 normal, 1 upgrades are refused, 2 work is refused, too.'
  metrics.gauge('realchat_shedding', help, () => LEVELS.indexOf(container.get(ID.load).level))
}

function isCounter(name: string): name is keyof Counters {
  return Object.hasOwn(COUNTERS, name)
}
