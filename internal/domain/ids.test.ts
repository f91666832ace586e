import { expect, it } from '@jest/globals'
import { type ClientId, type ConversationId, messageIdOf, seqOfMessageId, type UserId } from './ids.ts'

// Clients keep ids: what a row's id was, it stays.
it.each([
  [1, 1_764_300_000_123_456, '019ac879-8b7b-8000-8000-00069c47f3d7'],
  [77, 999, '00000000-0000-8000-8000-01369c47f3d7'],
  [2 ** 28 + 5, 1_764_300_000_123_456, '019ac879-8b7b-8001-8000-00169c47f3d7'],
  [2 ** 40 - 1, 253_402_300_799_999_000, 'e677d21f-dbff-8fff-bfff-fffe9c47f3d7'],
])('the id of the row with seq %i and stamp %i', (seq, stamp, id) => {
  const key = {
    conversationId: '019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b' as ConversationId,
    senderId: '019a1b2c-0000-7000-8000-000000000001' as UserId,
    operationId: '0b7a4c1e-5d2f-4e3a-9b8c-7d6e5f4a3b2c' as ClientId,
    era: 1,
  }
  expect(messageIdOf({ ...key, seq, stamp })).toBe(id)
  expect(seqOfMessageId(id)).toBe(seq)
})
