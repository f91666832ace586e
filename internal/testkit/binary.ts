import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { cleanUpAfterFile, testCassandra, testPostgres, testRabbitmq, testRedis } from './services.ts'

export type BinaryName = 'api' | 'notifier' | 'standalone' | 'migrate'

const ROOT = join(import.meta.dirname, '../..')
/** Shared by all processes of all test files: halves the time until one is ready. */
const NODE_COMPILE_CACHE = join(tmpdir(), 'realchat-compile-cache')

/** One of cmd's binaries as a process of its own, from the source. */
export class Binary {
  readonly child: ChildProcess
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  stdout = ''
  stderr = ''

  constructor(name: BinaryName, env: Record<string, string>, args: string[] = []) {
    this.child = spawn(process.execPath, [join(ROOT, `cmd/${name}/main.ts`), ...args], {
      cwd: ROOT,
      // Nothing of the caller's own configuration gets in.
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_COMPILE_CACHE, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (data) => {
      this.stdout += data
    })
    this.child.stderr?.on('data', (data) => {
      this.stderr += data
    })
    this.exited = once(this.child, 'exit').then(([code, signal]) => ({ code, signal }))
    cleanUpAfterFile(async () => {
      this.child.kill('SIGKILL')
      await this.exited
    })
  }

  /** The port it listens on, once its log says that it is ready. @throws Error with its output when it ends first. */
  async ready(): Promise<number> {
    await eventually(() => {
      if (this.child.exitCode !== null) throw new Error(`ended: ${this.stdout}${this.stderr}`)
      if (!this.stdout.includes('"msg":"ready"')) throw new Error(`not ready: ${this.stdout}${this.stderr}`)
    })
    const port = /"port":(\d+),"msg":"listening"/.exec(this.stdout)?.[1]
    return Number(port ?? 0)
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}

/** The environment of API and notifier processes that share four real stores of this test file's own. */
export async function clusterEnvironment(): Promise<Record<string, string>> {
  const [postgres, cassandra, redis, rabbitmq] = await Promise.all([
    testPostgres(),
    testCassandra(),
    testRedis(),
    testRabbitmq(),
  ])
  return {
    DATABASE_URL: postgres.url,
    CASSANDRA_CONTACT_POINTS: cassandra.contactPoints.join(','),
    CASSANDRA_LOCAL_DC: cassandra.localDc,
    CASSANDRA_KEYSPACE: cassandra.keyspace,
    REDIS_URL: redis.url,
    REDIS_PREFIX: redis.prefix,
    RABBITMQ_URL: rabbitmq.url,
    SECRET_KEY: 'a secret key that is only for tests, of course',
    HOST: '127.0.0.1',
    PORT: '0',
    RATE_LIMIT_SCALE: '0',
  }
}
