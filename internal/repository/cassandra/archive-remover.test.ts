import { afterAll, beforeAll } from '@jest/globals'
import type cassandra from 'cassandra-driver'
import { testCassandra } from '../../testkit/services.ts'
import { archiveRemoverContract } from '../contract/archive-remover.contract.ts'
import { CassandraArchiveRemover } from './archive-remover.ts'
import { createCassandraClient } from './client.ts'
import { CassandraMessageArchive } from './message-archive.ts'

let client: cassandra.Client
beforeAll(async () => {
  client = createCassandraClient(await testCassandra())
})
afterAll(() => client.shutdown())

archiveRemoverContract('Cassandra', () => ({
  archive: new CassandraMessageArchive(client),
  remover: new CassandraArchiveRemover(client),
}))
