import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type cassandra from 'cassandra-driver'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { testCassandra } from '../../testkit/services.ts'
import { receiptHistoryContract } from '../contract/receipts.contract.ts'
import { CassandraArchiveRemover } from './archive-remover.ts'
import { createCassandraClient } from './client.ts'
import { CassandraReceiptHistory } from './receipt-history.ts'

let client: cassandra.Client
beforeAll(async () => {
  client = createCassandraClient(await testCassandra())
})
afterAll(() => client.shutdown())

receiptHistoryContract(
  'Cassandra',
  () => new CassandraReceiptHistory(client),
  () => new CassandraArchiveRemover(client),
)

describe('receipts while Cassandra is out of reach', () => {
  it('are dependency_unavailable for readers and writers', async () => {
    const nowhere = createCassandraClient({
      contactPoints: ['127.0.0.1:1'],
      localDc: 'none',
      keyspace: 'none',
    })
    const history = new CassandraReceiptHistory(nowhere)
    const conversationId = uuidv7<ConversationId>()
    const userId = uuidv7<UserId>()
    await expect(history.find(conversationId, 1, [userId])).rejects.toMatchObject({
      code: 'dependency_unavailable',
    })
    await expect(
      history.write([{ conversationId, userId, kind: 'read', from: 0, to: 1, at: 1 }]),
    ).rejects.toMatchObject({ code: 'dependency_unavailable' })
    await nowhere.shutdown()
  })
})
