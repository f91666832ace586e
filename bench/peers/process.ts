import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { PeerName } from '../client/dialects.ts'

const portMessage = z.object({ port: z.int() })
const usageMessage = z.object({ rss: z.number(), cpuSeconds: z.number() })
export type Usage = z.infer<typeof usageMessage>

/** Cores are told apart only where there are two and a `taskset`. */
export const PINS = cpus().length > 1 && spawnSync('taskset', ['-V']).status === 0

/** This process, which is the load, on the last core alone, as peers have the first; or on all again. */
export function pinLoad(isAlone: boolean): void {
  const last = cpus().length - 1
  const cores = isAlone ? String(last) : `0-${last}`
  if (PINS) spawnSync('taskset', ['-cp', cores, String(process.pid)])
}

export interface Peer {
  port: number
  usage(): Promise<Usage>
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
  return {
    port,
    usage: async () => {
      const told = message(child)
      child.send('usage')
      return usageMessage.parse(await told)
    },
    stop: async () => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

async function message(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the peer ended')))
  ended.catch(() => {})
  const [told]: unknown[] = await Promise.race([once(child, 'message'), ended])
  return told
}
