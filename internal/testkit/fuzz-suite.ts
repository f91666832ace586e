import { beforeAll, expect, it } from '@jest/globals'
import { type ApiUnderAttack, startApiUnderAttack } from './api-under-attack.ts'
import { Person } from './client.ts'
import { eventually } from './eventually.ts'
import { ATTACKS, randomOf } from './frame-attacks.ts'
import type { SocketClient } from './socket-client.ts'

const AT_ONCE = 8
const SLACK_MS = 60_000

/**
 * Attacks on the sockets of a real API process, several at once, for so long. `FUZZ_SECONDS=3600` goes on
 * for an hour, `FUZZ_SEED` repeats a run's choices.
 */
export function fuzzSuite({ seconds }: { seconds: number }): void {
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  const durationMs = seconds * 1000
  let api: ApiUnderAttack
  let witness: SocketClient
  let topic: string
  let eve: Person
  let foreign: string

  beforeAll(async () => {
    api = await startApiUnderAttack()
    const [ann, bob] = [await Person.register(api.url), await Person.register(api.url)]
    eve = await Person.register(api.url)
    topic = `chat:${await ann.open(api.url, 'group', [eve])}`
    foreign = `chat:${await ann.open(api.url, 'direct', [bob])}`
    witness = await ann.connect(api.url)
    await witness.join(foreign)
  }, SLACK_MS)

  const openSockets = async () => {
    const metrics = await (await fetch(`${api.url}/metrics`)).text()
    return Number(/^realchat_open_websockets\{[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? -1)
  }

  it(
    `stands whatever is sent to its sockets, serves the others and keeps no connection (seed ${seed})`,
    async () => {
      const random = randomOf(seed)
      const port = Number(new URL(api.url).port)
      const kinds = Object.entries(ATTACKS)
      const deadline = Date.now() + durationMs
      let turn = 0
      const attack = async () => {
        // Each kind in turn, so that a short run has them all.
        while (Date.now() < deadline || turn < kinds.length) {
          const [, run] = kinds[turn++ % kinds.length] ?? []
          await run?.({ port, token: eve.token, topic, foreign, random })
        }
      }
      const serve = async () => {
        while (Date.now() < deadline) {
          expect(await witness.push(foreign, 'message:send', { content: 'still there' })).toBeTruthy()
        }
      }
      await Promise.all([serve(), ...Array.from({ length: AT_ONCE }, attack)])
      expect(turn).toBeGreaterThanOrEqual(kinds.length)
      await api.mustBeWell()
      const mine = witness.frames.filter(({ topic: on, event }) => on === foreign && event === 'message:new')
      expect(mine).toEqual([])
      await eventually(async () => expect(await openSockets()).toBe(1))
    },
    durationMs + SLACK_MS,
  )
}
