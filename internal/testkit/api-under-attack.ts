import { connect } from 'node:net'
import { z } from 'zod'
import { Binary, clusterEnvironment } from './binary.ts'
import { type Answer, Person } from './client.ts'

/** An API process that a test feeds with bad input, and somebody who must be served all the same. */
export interface ApiUnderAttack {
  url: string
  env: Record<string, string>
  /** @throws Error when it does not serve its users, or logged a failure of its own. */
  mustBeWell(): Promise<void>
  /** @throws Error when it logged a failure of its own. */
  mustHaveNoFaults(): void
}

export async function startApiUnderAttack(): Promise<ApiUnderAttack> {
  const env = await clusterEnvironment()
  const binary = new Binary('api', env)
  const url = `http://127.0.0.1:${await binary.ready()}`
  const [ann, bob] = [await Person.register(url), await Person.register(url)]
  const conversation = await ann.open(url, 'direct', [bob])
  const mustHaveNoFaults = () => {
    const fault = binary.stdout.split('\n').find((line) => /"level":(?:50|60)/.test(line))
    if (fault) throw new Error(`the process logged a failure of its own: ${fault}`)
  }
  return {
    url,
    env,
    async mustBeWell() {
      const path = `/conversations/${conversation}/messages`
      const sent = await ann.call(url, 'POST', path, { content: 'still there?' })
      const read = await bob.call(url, 'GET', path)
      if (sent.status !== 201 || read.status !== 200) {
        throw new Error(`not served: ${JSON.stringify([sent, read])}\n${binary.stderr}`)
      }
      mustHaveNoFaults()
    },
    mustHaveNoFaults,
  }
}

/**
 * Sends bytes to the server as they are; answers all that comes back until it closes.
 * @param then sent once it has answered; nothing more follows either
 */
export function exchange(url: string, bytes: string | Buffer, then?: Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), hostname)
    if (then) {
      socket.write(bytes)
      socket.once('data', () => socket.end(then))
    } else socket.end(bytes)
    socket.on('data', (data) => {
      answer += data.toString('latin1')
    })
    // A server that stops reading before the end resets the connection; what it said is the answer.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(answer))
  })
}

const problem = z.object({ code: z.string(), errors: z.array(z.object({ path: z.string() })).optional() })
/** Status, code and the fields that are said to be wrong; status and body of what was not refused. */
export function refusal({ status, body }: Answer): unknown[] {
  if (status < 400) return [status, body]
  const { code, errors = [] } = problem.parse(body)
  return [status, code, ...new Set(errors.map(({ path }) => path))]
}
