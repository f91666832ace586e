import { describe, expect, it } from '@jest/globals'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import { decodeLiveEntry, encodeLiveEntry, type LiveEntry, shardOf, shardOfEntry } from './live-entry.ts'

const conversationId = uuidv7<ConversationId>()

describe('a live entry', () => {
  const [ann, bob] = [uuidv7<UserId>(), uuidv7<UserId>()]
  const row = { kind: 'row', conversationId, seq: 7, rev: 2, memberVersion: 3, messageSeq: 5 } as const
  const entries: LiveEntry[] = [
    { ...row, origin: 'node-1', event: 'message:edited', json: '{"content":"one\\ntwo three"}' },
    { ...row, origin: null, event: 'message:new', json: '{}' },
    { kind: 'created', conversationId, memberIds: [ann, bob] },
    { kind: 'members', conversationId, memberVersion: 4, joined: [], left: [], updated: [] },
    { kind: 'updated', conversationId, memberVersion: 4 },
    { kind: 'read', userId: ann, conversationId, readSeq: 3, origin: null },
    { kind: 'settings', userId: ann, json: '{}' },
  ]

  it.each(entries)('is read as it was written: $kind', (entry) => {
    expect(decodeLiveEntry(encodeLiveEntry(entry))).toEqual(entry)
  })

  it.each(['', '\n', 'nonsense', 'later-kind 1 2 3\n{}', '{"kind":"later"}'])(
    'of an unknown kind is passed over: %j',
    (text) => {
      expect(decodeLiveEntry(text)).toBeNull()
    },
  )

  it('goes to one of 64 shards, by the random end of the id', () => {
    expect(shardOfEntry({ kind: 'settings', userId: ann, json: '{}' })).toBe(shardOf(ann))
    expect(shardOf(conversationId)).toBe(Number.parseInt(conversationId.slice(-2), 16) % 64)
  })
})
