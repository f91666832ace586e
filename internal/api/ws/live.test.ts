import { describe, expect, it } from '@jest/globals'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { decodeLiveEntry, encodeLiveEntry, type LiveEntry, shardOf } from './live-entry.ts'

const conversationId = uuidv7<ConversationId>()

describe('a live entry', () => {
  const entries: LiveEntry[] = [
    {
      kind: 'message',
      conversationId,
      seq: 7,
      memberVersion: 3,
      origin: 'node-1',
      messageJson: '{"content":"one\\ntwo three"}',
    },
    { kind: 'message', conversationId, seq: 1, memberVersion: 1, origin: null, messageJson: '{}' },
    { kind: 'created', conversationId, memberIds: [uuidv7<UserId>(), uuidv7<UserId>()] },
  ]

  it.each(entries)('is read as it was written: $kind', (entry) => {
    expect(decodeLiveEntry(encodeLiveEntry(entry))).toEqual(entry)
  })

  it.each(['', '\n', 'nonsense', 'later-kind 1 2 3\n{}'])('of an unknown kind is passed over: %j', (text) => {
    expect(decodeLiveEntry(text)).toBeNull()
  })

  it('goes to one of 64 shards, by the random end of the id', () => {
    expect(shardOf(conversationId)).toBe(Number.parseInt(conversationId.slice(-2), 16) % 64)
  })
})
