import { Counter, type Registry } from 'prom-client'
import type { DigestOutcome } from './digests.ts'

/** Counts what becomes of digests. */
export function digestMeasure(registry: Registry): (outcome: DigestOutcome) => void {
  const digests = new Counter({
    name: 'realchat_mail_digests_total',
    help: 'Digests of unread messages by what became of them; retry and unknown come again.',
    labelNames: ['outcome'],
    registers: [registry],
  })
  return (outcome) => digests.inc({ outcome })
}
