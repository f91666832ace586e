import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type cassandra from 'cassandra-driver'
import { type ConversationId, uuidv7 } from '../../domain/ids.ts'
import { testCassandra } from '../../testkit/services.ts'
import { logEntry, messageArchiveContract } from '../contract/message-archive.contract.ts'
import { createCassandraClient } from './client.ts'
import { CassandraMessageArchive } from './message-archive.ts'

let client: cassandra.Client
beforeAll(async () => {
  client = createCassandraClient(await testCassandra())
})
afterAll(() => client.shutdown())

messageArchiveContract('Cassandra', () => new CassandraMessageArchive(client))

describe('Cassandra out of reach', () => {
  it('is dependency_unavailable for readers and writers', async () => {
    const nowhere = createCassandraClient({
      contactPoints: ['127.0.0.1:1'],
      localDc: 'datacenter1',
      keyspace: 'none',
    })
    const archive = new CassandraMessageArchive(nowhere)
    const id = uuidv7<ConversationId>()
    await expect(archive.range(id, 1, 2)).rejects.toMatchObject({ code: 'dependency_unavailable' })
    await expect(archive.write([logEntry(id, 1)])).rejects.toMatchObject({ code: 'dependency_unavailable' })
    await nowhere.shutdown()
  })
})
