import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import type { ConversationId, UserId } from '../../internal/domain/ids.ts'
import { uuidv7 } from '../../internal/domain/ids.ts'
import type { DeviceId } from '../../internal/domain/push.ts'
import { createLogger } from '../../internal/platform/logger.ts'
import { RabbitPublisher } from '../../internal/queue/rabbitmq/publisher.ts'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { PostgresPushTokens } from '../../internal/repository/postgres/push-tokens.ts'
import { insertConversation, insertSession, insertUser } from '../../internal/testkit/chat-rows.ts'
import { messageEvent } from '../../internal/testkit/events.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import { type FcmStandIn, startFcm } from '../../internal/testkit/fcm.ts'
import { testPostgres, testRabbitmq, testRedis } from '../../internal/testkit/services.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const logger = createLogger({ name: 'test', level: 'silent' })

describe('cmd/notifier', () => {
  let pool: pg.Pool
  let fcm: FcmStandIn
  let publisher: RabbitPublisher
  let env: Record<string, string>
  let ann: UserId
  let conversation: ConversationId
  const running: ChildProcess[] = []

  beforeAll(async () => {
    const [postgres, rabbitmq, redis] = await Promise.all([testPostgres(), testRabbitmq(), testRedis()])
    fcm = await startFcm()
    pool = createPool({ url: postgres.url, max: 2, applicationName: 'test' })
    publisher = new RabbitPublisher({ url: rabbitmq.url, logger })
    env = {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: postgres.url,
      CASSANDRA_CONTACT_POINTS: '127.0.0.1',
      REDIS_URL: redis.url,
      REDIS_PREFIX: redis.prefix,
      RABBITMQ_URL: rabbitmq.url,
      FIREBASE_PROJECT_ID: 'demo',
      FCM_ENDPOINT: fcm.url,
      HOST: '127.0.0.1',
      PORT: '0',
    }
    ann = await insertUser(pool, 'Ann')
    const bob = await insertUser(pool, 'Bob')
    conversation = await insertConversation(pool, 'direct', [ann, bob])
    const registration = { id: uuidv7<DeviceId>(), userId: bob, sessionId: await insertSession(pool, bob) }
    const token = { platform: 'web' as const, deviceName: null, token: 'bob-web', nowMs: Date.now() }
    await new PostgresPushTokens(pool).register({ ...registration, ...token }, 20)
  })

  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL')
  })

  afterAll(async () => {
    await publisher.close()
    await fcm.close()
    await pool.end()
  })

  async function start(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    running.push(child)
    for await (const line of createInterface(child.stdout)) if (line.includes('"msg":"ready"')) break
    return child
  }

  const publish = (seq: number) =>
    publisher.publish([messageEvent({ conversationId: conversation, senderId: ann, seq })])
  const seqs = () => fcm.of('bob-web').map(({ data }) => Number(data?.['seq']))

  it('pushes, survives the kill of another, and drains on SIGTERM', async () => {
    const first = await start()
    const second = await start()
    await publish(1)
    await eventually(() => expect(seqs()).toEqual([1]))
    first.kill('SIGKILL')
    await once(first, 'exit')
    await publish(2)
    await eventually(() => expect(seqs()).toEqual([1, 2]))
    second.kill('SIGTERM')
    expect(await once(second, 'exit')).toEqual([0, null])
  })

  it('names every missing variable and exits with 2', async () => {
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: env['PATH'] ?? '' },
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    const output = child.stderr.toArray()
    expect(await once(child, 'exit')).toEqual([2, null])
    const text = Buffer.concat(await output).toString()
    for (const name of ['DATABASE_URL', 'CASSANDRA_CONTACT_POINTS', 'REDIS_URL', 'RABBITMQ_URL']) {
      expect(text).toContain(`${name}: is required`)
    }
  })
})
