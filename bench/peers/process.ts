import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { PeerName } from '../client/dialects.ts'

const portMessage = z.object({ port: z.int() })
const usageMessage = z.object({ rss: z.number(), live: z.number(), cpuSeconds: z.number() })
export type Usage = z.infer<typeof usageMessage>

/** Cores are told apart only where there are two and a `taskset`. */
export const PINS = cpus().length > 1 && spawnSync('taskset', ['-V']).status === 0

/** This process, which is the load, with all its threads on the last core alone, as peers have the first; or on all. */
export function pinLoad(isAlone: boolean): void {
  const last = cpus().length - 1
  const cores = isAlone ? String(last) : `0-${last}`
  if (PINS) spawnSync('taskset', ['-acp', cores, String(process.pid)])
}

export interface Peer {
  port: number
  usage(): Promise<Usage>
  /** The same after its garbage was collected, which takes a while: not while something is measured. */
  usageAtRest(): Promise<Usage>
  stop(): Promise<void>
}

export async function startPeer(name: PeerName | 'blaster', env: Record<string, string> = {}): Promise<Peer> {
  const node = [process.execPath, '--expose-gc', join(import.meta.dirname, 'main.ts'), name]
  const [command = '', ...args] = PINS ? ['taskset', '-c', '0', ...node] : node
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const { port } = portMessage.parse(await message(child))
  const ask = async (what: 'usage' | 'usage at rest') => {
    const told = message(child)
    child.send(what)
    return usageMessage.parse(await told)
  }
  return {
    port,
    usage: () => ask('usage'),
    usageAtRest: () => ask('usage at rest'),
    stop: async () => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** The child's next message. @throws Error when it ends instead. */
async function message(child: ChildProcess): Promise<unknown> {
  const done = new AbortController()
  const { signal } = done
  const ended = once(child, 'exit', { signal }).then(() => Promise.reject(new Error('the peer ended')))
  try {
    const [told]: unknown[] = await Promise.race([once(child, 'message', { signal }), ended])
    return told
  } finally {
    ended.catch(() => {})
    done.abort()
  }
}
