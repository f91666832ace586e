import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type cassandra from 'cassandra-driver'
import { type ConversationId, uuidv7 } from '../../domain/ids.ts'
import { bodyWith, payloadOf } from '../../domain/log-entry.ts'
import { eventually } from '../../testkit/eventually.ts'
import { testCassandra } from '../../testkit/services.ts'
import { archivedChangesContract, editTo, logChange } from '../contract/archived-changes.contract.ts'
import { logEntry, messageArchiveContract } from '../contract/message-archive.contract.ts'
import { createCassandraClient } from './client.ts'
import { CassandraMessageArchive } from './message-archive.ts'

let client: cassandra.Client
beforeAll(async () => {
  client = createCassandraClient(await testCassandra())
})
afterAll(() => client.shutdown())

messageArchiveContract('Cassandra', () => new CassandraMessageArchive(client))
archivedChangesContract('Cassandra', () => new CassandraMessageArchive(client))

describe('rows of disappearing messages in Cassandra', () => {
  const archive = () => new CassandraMessageArchive(client)

  function disappearing(seconds: number) {
    const payload = payloadOf(bodyWith({ content: 'for a while', ttl: 60 }))
    const message = logEntry(uuidv7<ConversationId>(), 1, {
      payload,
      stamp: (Date.now() - (60 - seconds) * 1000) * 1000,
    })
    const expires = message.stamp + 60_000_000
    return { message, edit: logChange(message, 1, 'edit', editTo('b'), { body: { expires } }) }
  }

  it('go when their time is over, with what changes made of them', async () => {
    const { message, edit } = disappearing(2)
    const { conversationId: id } = message
    await archive().write([message, edit])
    await eventually(async () => {
      expect(await archive().entries(id, [1])).toEqual([])
      expect(await archive().edits(id, 1)).toEqual([])
    })
    expect(await archive().changes(id, 1, 1)).toHaveLength(1)
  })

  it('are not written any more when it was over before', async () => {
    const { message, edit } = disappearing(-1)
    await archive().write([message, edit])
    expect(await archive().entries(message.conversationId, [1])).toEqual([])
    expect(await archive().edits(message.conversationId, 1)).toEqual([])
  })
})

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
