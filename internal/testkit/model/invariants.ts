import assert from 'node:assert/strict'
import { isChange, stateAfter } from '../../domain/change.ts'
import type { ConversationId } from '../../domain/ids.ts'
import { bodyOf, messageOf } from '../../domain/log-entry.ts'
import type { ModelArchive } from './archive.ts'
import type { ModelDatabase } from './database.ts'
import { reactionsOf, type Truth, viewOf } from './truth.ts'

/** Of the log as it was committed, row by row. */
export function assertLog(truth: Truth, id: ConversationId): void {
  let [seq, rev, stamp] = [0, 0, 0]
  const operations = new Set<string>()
  const deleted = new Set<number>()
  for (const [index, record] of truth.rows(id).entries()) {
    if (isChange(record)) {
      rev++
      assert.equal(record.rev, rev, `revs are not dense at ${rev}`)
      assert.equal(record.headSeq, seq, `change ${rev} names another head than ${seq}`)
      assert.ok(!deleted.has(record.targetSeq), `message ${record.targetSeq} was changed after its deletion`)
      if (record.kind === 'delete') deleted.add(record.targetSeq)
      assertWholeState(truth, id, record.targetSeq, rev)
    } else {
      seq++
      assert.equal(record.seq, seq, `seqs are not dense at ${seq}`)
      assert.equal(record.rev, rev, `message ${seq} names another rev than ${rev}`)
    }
    assert.equal(seq + rev, index + 1)
    assert.ok(record.stamp > stamp, 'stamps do not rise')
    stamp = record.stamp
    assert.ok(!operations.has(record.operationId), `operation of message ${seq} is stored twice`)
    operations.add(record.operationId)
  }
}

/** The state that a change carries is what all changes up to it make of the message. */
function assertWholeState(truth: Truth, id: ConversationId, seq: number, rev: number): void {
  const change = truth.changes(id, seq).find((other) => other.rev === rev)
  if (!change) return
  const state = stateAfter(change)
  const view = truth.view(id, seq, rev)
  const what = `the state at rev ${rev}`
  assert.equal(state.deletion !== null, view.isDeleted, `${what}: deletion`)
  assert.equal(state.pinned, view.isPinned, `${what}: pin`)
  assert.deepEqual(reactionsOf(state), view.reactions, `${what}: reactions`)
  if (state.edit) assert.equal(state.edit.content, view.content, `${what}: text`)
}

/** The archive alone says what the log said, and nothing that was deleted. */
export async function assertArchive(archive: ModelArchive, truth: Truth, id: ConversationId): Promise<void> {
  const rows = truth.rows(id)
  const seqs = rows.flatMap((record) => (isChange(record) ? [] : record.seq))
  const entries = new Map((await archive.entries(id, seqs)).map((entry) => [entry.seq, entry]))
  for (const seq of seqs) {
    const entry = entries.get(seq)
    assert.ok(entry, `the archive lacks message ${seq}`)
    assert.deepEqual(viewOf(messageOf(entry)), truth.view(id, seq), `the archive's message ${seq}`)
    const isDeleted = truth.isDeleted(id, seq)
    if (isDeleted) assert.equal(bodyOf(entry.payload).content, '', `the archive keeps deleted text of ${seq}`)
    const edits = truth.changes(id, seq).filter(({ kind }) => kind === 'edit')
    assert.equal((await archive.edits(id, seq)).length, isDeleted ? 0 : edits.length, `edits of ${seq}`)
    const view = truth.view(id, seq)
    for (const emoji of ['a', 'b']) {
      const users = (await archive.reactors(id, seq, emoji, 100)).map((user) => `${emoji} ${user}`)
      const known = view.reactions.filter((reaction) => reaction.startsWith(`${emoji} `))
      assert.deepEqual(users.sort(), known, `reactions to ${seq}`)
    }
  }
  const changes = rows.filter(isChange)
  const archived = await archive.changes(id, 1, changes.length)
  assert.deepEqual(
    archived.map(({ rev }) => rev),
    changes.map(({ rev }) => rev),
    'the archive lacks changes',
  )
}

/** What is left in the log of deleted messages is not their text. */
export function assertErased(db: ModelDatabase, truth: Truth, id: ConversationId): void {
  for (const { record } of db.rows.get(id) ?? []) {
    const seq = isChange(record) ? record.targetSeq : record.seq
    if (!truth.isDeleted(id, seq)) continue
    const text = isChange(record) ? stateAfter(record).edit?.content : bodyOf(record.payload).content
    assert.ok(!text, `the log keeps deleted text of ${seq}`)
  }
}
