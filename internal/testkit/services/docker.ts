import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import type { Addresses, ServiceName } from './state.ts'

interface Image {
  image: string
  ports: number[]
  env?: Record<string, string>
  command?: string[]
  ready: ReturnType<typeof Wait.forLogMessage>
  address(host: string, port: (inside: number) => number): Addresses[ServiceName]
}

const IMAGES: Record<ServiceName, Image> = {
  postgres: {
    image: 'postgres:18-alpine',
    ports: [5432],
    env: { POSTGRES_HOST_AUTH_METHOD: 'trust' },
    command: ['postgres', '-c', 'fsync=off', '-c', 'max_connections=300'],
    // The first one is the server that only the image's own set-up talks to.
    ready: Wait.forLogMessage('database system is ready to accept connections', 2),
    address: (host, port) => ({ url: `postgres://postgres@${host}:${port(5432)}/postgres` }),
  },
  redis: {
    image: 'redis:7-alpine',
    ports: [6379],
    ready: Wait.forLogMessage('Ready to accept connections'),
    address: (host, port) => ({ url: `redis://${host}:${port(6379)}` }),
  },
  rabbitmq: {
    image: 'rabbitmq:4-management-alpine',
    ports: [5672, 15_672],
    ready: Wait.forLogMessage('Server startup complete'),
    address: (host, port) => ({
      url: `amqp://guest:guest@${host}:${port(5672)}`,
      managementUrl: `http://guest:guest@${host}:${port(15_672)}`,
    }),
  },
  cassandra: {
    image: 'cassandra:5',
    ports: [9042],
    env: { MAX_HEAP_SIZE: '768M', HEAP_NEWSIZE: '128M', CASSANDRA_SNITCH: 'SimpleSnitch' },
    ready: Wait.forLogMessage('Starting listening for CQL clients'),
    address: (host, port) => ({ contactPoints: [`${host}:${port(9042)}`], localDc: 'datacenter1' }),
  },
}

/** Does the work when a container engine answers; false when none does. */
export async function withDocker(work: () => Promise<void>): Promise<boolean> {
  // The library's reaper would remove the containers when this process ends; the services outlive it.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
  try {
    await getContainerRuntimeClient()
  } catch {
    return false // no engine: the caller has another way
  }
  await work()
  return true
}

export async function startContainer(
  name: ServiceName,
): Promise<{ id: string; address: Addresses[ServiceName] }> {
  const { image, ports, env = {}, command, ready, address } = IMAGES[name]
  const container = new GenericContainer(image)
    .withExposedPorts(...ports)
    .withEnvironment(env)
    .withWaitStrategy(ready)
    .withStartupTimeout(180_000)
  if (command) container.withCommand(command)
  const started = await container.start()
  return {
    id: started.getId(),
    address: address(started.getHost(), (inside) => started.getMappedPort(inside)),
  }
}

export async function removeContainers(ids: string[]): Promise<void> {
  if (ids.length === 0) return
  const { container } = await getContainerRuntimeClient()
  for (const id of ids) await container.getById(id).remove({ force: true, v: true })
}
