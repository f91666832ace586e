import { beforeAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import type { ConversationId } from '../internal/domain/ids.ts'
import { createCassandraClient } from '../internal/repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../internal/repository/cassandra/message-archive.ts'
import { migrateCassandra } from '../internal/repository/cassandra/migrator.ts'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'
import { canOwn, type OwnStore, ownCassandraCluster } from '../internal/testkit/own-stores.ts'
import { cleanUpAfterFile } from '../internal/testkit/services.ts'

const START_MS = 600_000
const PATIENCE_MS = 120_000
const HEARTBEAT_MS = 20_000
const page = z.object({ items: z.array(z.object({ content: z.string() })) })

let nodes: OwnStore[]
let urls: string[]
let archive: CassandraMessageArchive

beforeAll(async () => {
  if (!canOwn('cassandra')) return
  const env = await clusterEnvironment()
  const { nodes: started, ...address } = await ownCassandraCluster()
  nodes = started
  const target = { ...address, keyspace: 'realchat' }
  const replication = `{'class': 'NetworkTopologyStrategy', '${target.localDc}': 3}`
  await migrateCassandra({ ...target, replication })
  const client = createCassandraClient(target)
  cleanUpAfterFile(() => client.shutdown())
  archive = new CassandraMessageArchive(client)
  const stores = {
    ...env,
    CASSANDRA_CONTACT_POINTS: target.contactPoints.join(','),
    CASSANDRA_LOCAL_DC: target.localDc,
    CASSANDRA_KEYSPACE: target.keyspace,
  }
  const apis = [new Binary('api', stores), new Binary('api', stores)]
  urls = (await Promise.all(apis.map((api) => api.ready()))).map((port) => `http://127.0.0.1:${port}`)
}, START_MS)

describe('a Cassandra of three nodes, each row on all of them', () => {
  it('is missed by nobody while one is down, and not for chatting while all are', async () => {
    if (!canOwn('cassandra')) return
    const [one = '', two = ''] = urls
    const [ann, bob] = [await Person.register(one), await Person.register(two)]
    const id = (await ann.open(one, 'direct', [bob])) as ConversationId
    const socket = await bob.connect(two)
    await socket.join(`chat:${id}`)
    const heartbeat = setInterval(() => socket.send('phoenix', 'heartbeat'), HEARTBEAT_MS)
    cleanUpAfterFile(async () => clearInterval(heartbeat))
    const sent: string[] = []
    const send = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const content = `number ${sent.length}`
        expect((await ann.call(one, 'POST', `/conversations/${id}/messages`, { content })).status).toBe(201)
        sent.push(content)
      }
      await eventually(() => {
        const heard = socket.frames.filter(({ event }) => event === 'message:new')
        expect(heard.map(({ payload }) => payload['content'])).toEqual(sent)
      })
    }
    const read = async () => {
      const answer = await bob.call(two, 'GET', `/conversations/${id}/messages?limit=100`)
      return page.parse(answer.body).items.map(({ content }) => content)
    }
    const archived = async () => (await archive.range(id, 1, 200)).length
    const expectAll = async () => {
      expect(await read()).toEqual(sent)
      await eventually(async () => expect(await archived()).toBe(sent.length), { withinMs: PATIENCE_MS })
    }

    await send(20)
    await expectAll()
    for (const node of nodes) {
      await node.kill()
      await send(20)
      await expectAll()
      await node.restart()
      await eventually(async () => expect(await archived()).toBe(sent.length), { withinMs: PATIENCE_MS })
    }
    await Promise.all(nodes.map((node) => node.kill()))
    await send(20)
    await Promise.all(nodes.map((node) => node.restart()))
    await expectAll()
  })
})
