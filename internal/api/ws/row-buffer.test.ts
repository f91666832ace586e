import { expect, it } from '@jest/globals'
import { type ConversationId, uuidv7 } from '../../domain/ids.ts'
import type { RowEntry } from './live-entry.ts'
import { RowBuffer } from './row-buffer.ts'

const conversationId = uuidv7<ConversationId>()

function row(seq: number, json = '{}'): RowEntry {
  const numbers = { seq, rev: 0, memberVersion: 1, messageSeq: seq }
  return { kind: 'row', conversationId, ...numbers, origin: null, event: 'message:new', json }
}

it('keeps the first thousand rows and says that there were more', () => {
  const buffer = new RowBuffer()
  for (let seq = 1; seq <= 1000; seq++) buffer.push(row(seq))
  expect(buffer.isFull).toBe(false)
  buffer.push(row(1001))
  expect(buffer.isFull).toBe(true)
  expect(buffer.take().map(({ seq }) => seq)).toHaveLength(1000)
  expect([buffer.rows, buffer.isFull]).toEqual([[], false])
})

it('keeps a megabyte at most, and no row behind one that it dropped', () => {
  const buffer = new RowBuffer()
  const large = JSON.stringify('x'.repeat(400_000))
  for (const one of [row(1, large), row(2, large), row(3, large), row(4)]) buffer.push(one)
  expect(buffer.rows.map(({ seq }) => seq)).toEqual([1, 2])
  expect(buffer.isFull).toBe(true)
})
