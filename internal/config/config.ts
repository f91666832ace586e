import { type Env, EnvReader } from './env.ts'
import { devOutbox, type MailConfig, mail, type SmsConfig, sms } from './senders.ts'
import { type WorkersConfig, workers } from './workers.ts'

export type Process = 'api' | 'notifier' | 'migrate' | 'standalone'

/** A store is either reached by address or, in standalone only, runs inside the process. */
export type Store<Address> = ({ kind: 'external' } & Address) | { kind: 'embedded' }

export interface Config {
  process: Process
  http: HttpConfig
  workers: WorkersConfig
  /** Encrypts signing keys at rest and derives other keys; in standalone null for one of its own. */
  secretKey: string | null
  postgres: Store<{ url: string; replicaUrls: string[] }>
  cassandra: Store<CassandraConfig>
  redis: Store<{ urls: string[]; prefix: string }>
  rabbitmq: Store<{ url: string }>
  push: PushConfig
  mail: MailConfig
  sms: SmsConfig
  /** Whether the API shows the developer outbox; standalone always does. */
  devOutbox: 'on' | 'off' | 'refused'
  tokens: { accessTtlMs: number; refreshTtlMs: number }
  /** Cost of Argon2id; hashes made with another are renewed at sign-in. */
  passwords: { memoryKib: number; iterations: number }
  /** Days that messages stay; null for ever. */
  retention: { direct: number | null; group: number | null }
  /** Multiplies every rate limit; 0 turns all of them off. */
  rateLimitScale: number
  log: { level: string }
  sentryDsn: string | null
  dataDir: string
  /** Adds sample users and history (standalone `--demo`). */
  demo: boolean
}

export interface CassandraConfig {
  contactPoints: string[]
  localDc: string
  keyspace: string
  /** CQL map for a keyspace that migrations create; null for one copy. */
  replication: string | null
}

export interface HttpConfig {
  host: string
  port: number
  /** Where clients reach the service, without a trailing slash. */
  publicUrl: string
  corsOrigins: string[]
  /** Addresses or CIDR ranges whose X-Forwarded-For is believed. */
  trustedProxies: string[]
}

export type PushConfig = FirebaseConfig | { kind: 'outbox' }

export interface FirebaseConfig {
  kind: 'firebase'
  projectId: string
  serviceAccount: string
  endpoint: string | null
  /** What a notifier that died was sending is sent again after this. */
  claimLeaseMs: 5_000 | 30_000
}

const SECRET_KEY_MIN = 32
/** The log keeps its own rows for up to three days. */
const RETENTION_DAYS = { min: 3, max: 36_500 }
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/**
 * Environment → typed configuration.
 * @throws ConfigError naming every variable that is missing or wrong.
 */
export function loadConfig(process: Process, env: Env): Config {
  const reader = new EnvReader(env)
  const served = http(reader, process)
  const config: Config = {
    process,
    http: served,
    workers: workers(reader, process, served.port),
    secretKey: secretKey(reader, process),
    postgres: postgres(reader, process),
    cassandra: cassandra(reader, process),
    redis: redis(reader, process),
    rabbitmq: rabbitmq(reader, process),
    push: push(reader),
    mail: mail(reader),
    sms: sms(reader),
    devOutbox: devOutbox(reader, served.publicUrl),
    tokens: {
      accessTtlMs: reader.duration('ACCESS_TOKEN_TTL', 15 * 60_000),
      refreshTtlMs: reader.duration('REFRESH_TOKEN_TTL', 30 * 86_400_000),
    },
    passwords: {
      memoryKib: reader.integer('ARGON2_MEMORY_KIB', 19_456, { min: 8192, max: 1_048_576 }),
      iterations: reader.integer('ARGON2_ITERATIONS', 2, { min: 1, max: 20 }),
    },
    retention: {
      direct: reader.optionalInteger('RETENTION_DIRECT_DAYS', RETENTION_DAYS),
      group: reader.optionalInteger('RETENTION_GROUP_DAYS', RETENTION_DAYS),
    },
    rateLimitScale: reader.number('RATE_LIMIT_SCALE', 1),
    log: { level: reader.oneOf('LOG_LEVEL', LOG_LEVELS, 'info') },
    sentryDsn: reader.optional('SENTRY_DSN') ?? null,
    dataDir: reader.optional('DATA_DIR') ?? '.data',
    demo: false,
  }
  reader.finish()
  return config
}

function http(reader: EnvReader, process: Process): HttpConfig {
  const port = reader.integer('PORT', 4000, { max: 65_535 })
  const publicUrl = reader.optional('PUBLIC_URL') ?? `http://localhost:${port}`
  return {
    host: reader.optional('HOST') ?? (process === 'standalone' ? '127.0.0.1' : '0.0.0.0'),
    port,
    publicUrl: reader.url('PUBLIC_URL', publicUrl, ['http', 'https']).replace(/\/+$/, ''),
    corsOrigins: corsOrigins(reader),
    trustedProxies: reader.list('TRUSTED_PROXIES'),
  }
}

/** What browsers send as Origin; anything else in the list would allow nothing, without a word. */
function corsOrigins(reader: EnvReader): string[] {
  const origins = reader.list('CORS_ORIGINS')
  const wrong = origins.find((text) => text !== '*' && !isOrigin(text))
  if (wrong !== undefined)
    reader.fault('CORS_ORIGINS', `must be like https://app.example.org, not "${wrong}"`)
  return origins
}

/** Native shells have schemes of their own (capacitor://localhost), of which URL knows no origin. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^[a-z][a-z0-9+.-]*:\/\/[^/?#@A-Z]+$/.test(text)
}

function secretKey(reader: EnvReader, process: Process): string | null {
  if (process === 'notifier') return null
  const key =
    process === 'api'
      ? reader.required('SECRET_KEY', 'any random text of 32 characters or more, the same on every node')
      : reader.optional('SECRET_KEY')
  if (key && key.length < SECRET_KEY_MIN) {
    reader.fault('SECRET_KEY', `must have at least ${SECRET_KEY_MIN} characters`)
  }
  return key ?? null
}

/** The variable's value; undefined only in standalone, where the store then runs embedded. */
function address(reader: EnvReader, process: Process, name: string, why: string): string | undefined {
  return process === 'standalone' ? reader.optional(name) : reader.required(name, why)
}

function postgres(reader: EnvReader, process: Process): Config['postgres'] {
  const schemes = ['postgres', 'postgresql']
  const url = address(reader, process, 'DATABASE_URL', 'postgres://user:password@host:5432/database')
  if (url === undefined) return { kind: 'embedded' }
  return {
    kind: 'external',
    url: reader.url('DATABASE_URL', url, schemes),
    replicaUrls: reader
      .list('DATABASE_REPLICA_URLS')
      .map((replica) => reader.url('DATABASE_REPLICA_URLS', replica, schemes)),
  }
}

function cassandra(reader: EnvReader, process: Process): Config['cassandra'] {
  const name = 'CASSANDRA_CONTACT_POINTS'
  const points = address(reader, process, name, 'comma-separated hosts, each with an optional :port')
  if (points === undefined) return { kind: 'embedded' }
  const keyspace = reader.optional('CASSANDRA_KEYSPACE') ?? 'realchat'
  if (!/^[a-z][a-z0-9_]{0,47}$/.test(keyspace)) {
    reader.fault('CASSANDRA_KEYSPACE', `must be lower-case letters, digits and _, not "${keyspace}"`)
  }
  return {
    kind: 'external',
    contactPoints: reader.list(name),
    localDc: reader.optional('CASSANDRA_LOCAL_DC') ?? 'datacenter1',
    keyspace,
    replication: reader.optional('CASSANDRA_REPLICATION') ?? null,
  }
}

function redis(reader: EnvReader, process: Process): Config['redis'] {
  // Migrations touch neither Redis nor RabbitMQ; samples that they add are announced by the API nodes.
  if (process === 'migrate') return { kind: 'embedded' }
  const urls = address(reader, process, 'REDIS_URL', 'redis://host:6379, or a list of cluster nodes')
  if (urls === undefined) return { kind: 'embedded' }
  return {
    kind: 'external',
    urls: reader.list('REDIS_URL').map((url) => reader.url('REDIS_URL', url, ['redis', 'rediss'])),
    prefix: reader.optional('REDIS_PREFIX') ?? 'realchat:',
  }
}

function rabbitmq(reader: EnvReader, process: Process): Config['rabbitmq'] {
  if (process === 'migrate') return { kind: 'embedded' }
  const url = address(reader, process, 'RABBITMQ_URL', 'amqp://user:password@host:5672/vhost')
  if (url === undefined) return { kind: 'embedded' }
  return { kind: 'external', url: reader.url('RABBITMQ_URL', url, ['amqp', 'amqps']) }
}

function push(reader: EnvReader): PushConfig {
  const projectId = reader.optional('FIREBASE_PROJECT_ID')
  const serviceAccount = reader.optional('FIREBASE_SERVICE_ACCOUNT')
  const endpoint = reader.optional('FCM_ENDPOINT') ?? null
  if (!projectId) return { kind: 'outbox' }
  if (!serviceAccount && !endpoint) {
    reader.fault('FIREBASE_SERVICE_ACCOUNT', 'is required with FIREBASE_PROJECT_ID: the JSON key, or _FILE')
  }
  if (serviceAccount && !isServiceAccount(serviceAccount)) {
    reader.fault(
      'FIREBASE_SERVICE_ACCOUNT',
      'must be the JSON that Firebase hands out (client_email, private_key)',
    )
  }
  if (endpoint !== null) reader.url('FCM_ENDPOINT', endpoint, ['http', 'https'])
  const claimLeaseMs = reader.oneOf('PUSH_CLAIM_LEASE', ['5s', '30s'], '30s') === '5s' ? 5_000 : 30_000
  return { kind: 'firebase', projectId, serviceAccount: serviceAccount ?? '', endpoint, claimLeaseMs }
}

function isServiceAccount(text: string): boolean {
  try {
    const key: unknown = JSON.parse(text)
    return typeof key === 'object' && key !== null && 'client_email' in key && 'private_key' in key
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
