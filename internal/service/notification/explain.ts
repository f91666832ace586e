import type { DeviceId } from '../../domain/push.ts'
import type { AttemptRow, DecisionRow, DeviceRow } from './ports.ts'
import { wordsFor } from './reasons.ts'

/** Why one device (or mail) was or was not notified. */
export interface Explanation {
  channel: 'push' | 'email'
  /** Null for all of the user's devices, and for mail; without a platform when it is registered no more. */
  device: { id: DeviceId; platform: DeviceRow['platform'] | null; deviceName: string | null } | null
  outcome: 'sent' | 'pending' | 'none' | 'failed'
  reason: string
  /** The reason in words. */
  text: string
  /** Pushes given to the push service. */
  attempts: number
  at: string
}

const OUTCOMES = {
  claimed: 'pending',
  retry: 'pending',
  sent: 'sent',
  gone: 'failed',
  dropped: 'failed',
  dead: 'failed',
} as const satisfies Record<AttemptRow['state'], Explanation['outcome']>

/** What was decided, the last word about each device counting, and what came of it. */
export function explain(
  decisions: readonly DecisionRow[],
  attempts: readonly AttemptRow[],
  devices: readonly DeviceRow[],
): Explanation[] {
  const named = new Map(devices.map((device) => [device.id, device]))
  const describe = (id: DeviceId) => named.get(id) ?? { id, platform: null, deviceName: null }
  const tried = new Map(attempts.map((attempt) => [attempt.device, attempt]))
  const { push, email } = lastWords(decisions)

  const explained: Explanation[] = []
  for (const [id, decision] of push.byDevice) {
    explained.push(explainPush(decision, tried.get(id), describe(id)))
    tried.delete(id)
  }
  for (const [id, attempt] of tried) {
    // Decided before, and since then something came up that spares it the next attempt.
    const ended = push.general?.outcome === 'none' && attempt.state === 'retry' ? push.general : undefined
    explained.push(explainPush(ended ?? push.earlier.get(id), attempt, describe(id)))
  }
  if (push.general && explained.length === 0) explained.push(explainPush(push.general, undefined, null))
  if (email) explained.push(explainMail(email))
  return explained
}

interface LastWords {
  push: {
    byDevice: Map<DeviceId, DecisionRow>
    earlier: Map<DeviceId, DecisionRow>
    general: DecisionRow | null
  }
  email: DecisionRow | null
}

/** What was decided for all devices overrules what was decided before for one, and the other way round. */
function lastWords(decisions: readonly DecisionRow[]): LastWords {
  const byDevice = new Map<DeviceId, DecisionRow>()
  const earlier = new Map<DeviceId, DecisionRow>()
  let general: DecisionRow | null = null
  let email: DecisionRow | null = null
  for (const decision of decisions.toSorted((one, other) => one.pass - other.pass)) {
    if (decision.channel === 'email') email = decision
    else if (decision.device === null) {
      general = decision
      for (const [id, before] of byDevice) earlier.set(id, before)
      byDevice.clear()
    } else {
      general = null
      byDevice.set(decision.device, decision)
    }
  }
  return { push: { byDevice, earlier, general }, email }
}

function explainPush(
  decision: DecisionRow | undefined,
  attempt: AttemptRow | undefined,
  device: Explanation['device'],
): Explanation {
  const attempts = attempt ? attempt.attempt + 1 : 0
  if (decision?.outcome === 'none' || !attempt) {
    const outcome = decision?.outcome === 'none' ? 'none' : 'pending'
    const reason = decision?.reason ?? 'message'
    const at = decision?.at ?? attempt?.at ?? ''
    return { channel: 'push', device, outcome, reason, text: wordsFor(reason), attempts, at }
  }
  const reason = attempt.reason ?? decision?.reason ?? 'message'
  const outcome = OUTCOMES[attempt.state]
  return { channel: 'push', device, outcome, reason, text: wordsFor(reason), attempts, at: attempt.at }
}

function explainMail({ outcome, reason, at }: DecisionRow): Explanation {
  const now = outcome === 'sent' || outcome === 'none' ? outcome : 'pending'
  const attempts = outcome === 'sent' ? 1 : 0
  return { channel: 'email', device: null, outcome: now, reason, text: wordsFor(reason), attempts, at }
}
