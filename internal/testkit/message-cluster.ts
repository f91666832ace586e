import { randomUUID } from 'node:crypto'
import { beforeAll } from '@jest/globals'
import type pg from 'pg'
import { createLogPool } from '../repository/postgres/log-pool.ts'
import { Binary, clusterEnvironment } from './binary.ts'
import { Person } from './client.ts'
import { cleanUpAfterFile } from './services.ts'
import type { SocketClient } from './socket-client.ts'

const START_MS = 60_000

export interface Told {
  status: number
  // The test states what it expects of it.
  // biome-ignore lint/suspicious/noExplicitAny: parsed JSON
  body: any
}

/** Somebody with an account, at one node of the cluster. */
export class Peer {
  readonly person: Person
  readonly url: string

  constructor(person: Person, url: string) {
    this.person = person
    this.url = url
  }

  get id(): string {
    return this.person.id
  }

  /** The same person at another node. */
  at(url: string): Peer {
    return new Peer(this.person, url)
  }

  ask(method: string, path: string, body?: unknown): Promise<Told> {
    return this.person.call(this.url, method, path, body)
  }

  get(path: string): Promise<Told> {
    return this.ask('GET', path)
  }

  /** In a conversation. */
  async send(conversationId: string, content: string, more: object = {}): Promise<Told['body']> {
    const answer = await this.ask('POST', `/conversations/${conversationId}/messages`, { content, ...more })
    if (answer.status !== 201) throw new Error(`not sent: ${JSON.stringify(answer)}`)
    return answer.body.message
  }

  /** On a message: `act(message, 'PUT', '/pin')`. */
  act(message: MessageRef, method: string, path = '', body?: unknown): Promise<Told> {
    return this.ask(method, `/conversations/${message.conversationId}/messages/${message.id}${path}`, body)
  }

  async read(message: MessageRef): Promise<Told['body']> {
    return (await this.act(message, 'GET')).body
  }

  async view(conversationId: string): Promise<Told['body']> {
    return (await this.get(`/conversations/${conversationId}`)).body
  }

  async socket(...topics: string[]): Promise<SocketClient> {
    const socket = await this.person.connect(this.url)
    for (const topic of topics) await socket.join(topic)
    return socket
  }
}

export interface MessageRef {
  id: string
  conversationId: string
}

/** API processes on four real stores of this test file's own. */
export class MessageCluster {
  env: Record<string, string> = {}
  readonly nodes: Binary[] = []
  readonly urls: string[] = []
  #pool: pg.Pool | null = null

  /** Its database, as a node's log sees it. */
  get pool(): pg.Pool {
    if (!this.#pool) throw new Error('not started')
    return this.#pool
  }

  async start(nodes: number): Promise<void> {
    this.env = await clusterEnvironment()
    const pool = createLogPool(this.env['DATABASE_URL'] ?? '', 'test', 4)
    this.#pool = pool
    cleanUpAfterFile(() => pool.end())
    await Promise.all(Array.from({ length: nodes }, () => this.startNode()))
  }

  async startNode(): Promise<Binary> {
    const node = new Binary('api', this.env)
    this.urls.push(`http://127.0.0.1:${await node.ready()}`)
    this.nodes.push(node)
    return node
  }

  /** At the nodes in turn. */
  people(count: number): Promise<Peer[]> {
    const { urls } = this
    return Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const url = urls[n % urls.length] ?? ''
        return new Peer(await Person.register(url), url)
      }),
    )
  }

  /** A group of these, the first its owner. */
  async group(owner: Peer, others: readonly Peer[], more: object = {}): Promise<string> {
    const body = { kind: 'group', name: 'Group', memberIds: others.map(({ id }) => id), ...more }
    return (await owner.ask('POST', '/conversations', body)).body.id
  }

  async direct(one: Peer, other: Peer): Promise<string> {
    return (await one.ask('POST', '/conversations', { kind: 'direct', memberIds: [other.id] })).body.id
  }
}

/** Of this test file's own, started before its first test. */
export function messageCluster(nodes: number): MessageCluster {
  const cluster = new MessageCluster()
  beforeAll(() => cluster.start(nodes), START_MS)
  return cluster
}

export function newClientId(): string {
  return randomUUID()
}
