import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import { type ChangeKind, changePayloadOf, stateAfter } from '../../domain/change.ts'
import { type ConversationId, messageIdOf, newOperationId, type UserId } from '../../domain/ids.ts'
import {
  blankPayload,
  bodyOf,
  bodyWith,
  type LogEntry,
  payloadOf,
  previewOf,
  readPreview,
} from '../../domain/log-entry.ts'
import type { MessageState } from '../../domain/message.ts'
import { type AppendItem, type ChangeItem, EDITS_MAX } from '../../service/message/ports.ts'
import { appendItem, createGroup } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { createLogPool } from './log-pool.ts'
import { PostgresMessageLog } from './message-log.ts'

let pool: pg.Pool
let log: PostgresMessageLog

beforeAll(async () => {
  pool = createLogPool((await testPostgres()).url, 'test', 20)
  log = new PostgresMessageLog(pool)
})
afterAll(() => pool.end())

const UNCHANGED: MessageState = { rev: 0, edit: null, deletion: null, pinned: false, reactions: [] }
const SECRET = 'the words that are to go'

interface Said {
  id: ConversationId
  ann: UserId
  bob: UserId
  entry: LogEntry
}

/** A group in which ann has said one thing, at seq 2. */
async function said(content = SECRET, given: Partial<AppendItem> = {}): Promise<Said> {
  const { id, memberIds } = await createGroup(pool)
  const [ann, bob] = memberIds
  if (!ann || !bob) throw new Error('two members')
  await log.append([appendItem(id, ann, content, given)], { wait: true })
  const [entry] = await log.entries(id, [2])
  if (!entry) throw new Error('no message')
  return { id, ann, bob, entry }
}

/** The change as a node that looked at rev 0 asks for it. */
function change(
  entry: LogEntry,
  senderId: UserId,
  kind: ChangeKind,
  part: Partial<MessageState>,
  given: Partial<ChangeItem> = {},
): ChangeItem {
  const { conversationId, seq, era } = entry
  const state = { ...UNCHANGED, ...part }
  const blank = kind === 'delete' ? blankPayload(entry.payload) : null
  const emoji = kind === 'reaction' ? '+1' : null
  const body = {
    messageId: messageIdOf(entry),
    era,
    emoji,
    added: true,
    blank,
    expires: null,
    authorId: entry.senderId,
  }
  return {
    conversationId,
    senderId,
    operationId: newOperationId(),
    bodyHash: Buffer.alloc(16),
    memberVersion: 1,
    kind,
    targetSeq: seq,
    baseRev: 0,
    payload: changePayloadOf(body, state),
    preview: previewOf({ ...entry, payload: blank ?? entry.payload }, state),
    blank,
    mentions: [],
    authorId: entry.senderId,
    pinned: true,
    ...given,
  }
}

const editTo = (content: string): Partial<MessageState> => ({
  edit: { content, mentions: { userIds: [], all: false }, at: 0 },
})
const deletedBy = (by: UserId): Partial<MessageState> => ({ deletion: { by, at: 0 } })

async function logged(id: ConversationId): Promise<{ payload: string; rev: number; kind: number }[]> {
  const { rows } = await pool.query(
    'select payload, rev, kind from log where conversation_id = $1 and seq >= 2 order by rev, kind',
    [id],
  )
  return rows
}

async function head(id: ConversationId) {
  const { rows } = await pool.query('select * from heads where conversation_id = $1', [id])
  return rows[0]
}

describe('what the log has of a message', () => {
  it('is the last edits, and what each user did last of a reaction', async () => {
    const { id, ann, bob, entry } = await said()
    const texts = Array.from({ length: EDITS_MAX + 4 }, (_, n) => `text ${n + 1}`)
    for (const [rev, content] of texts.entries()) {
      const edit = { content, mentions: { userIds: [], all: false }, at: 0 }
      await log.change(change(entry, ann, 'edit', { edit }, { baseRev: rev }))
    }
    const edits = await log.edits(id, entry.seq)
    expect(edits.map((one) => stateAfter(one).edit?.content)).toEqual(texts.slice(-EDITS_MAX))

    let baseRev = texts.length
    const react = async (userId: UserId, added: boolean) => {
      const asked = change(entry, userId, 'reaction', {}, { baseRev: baseRev++ })
      await log.change({ ...asked, payload: asked.payload.replace('"added":true', `"added":${added}`) })
    }
    for (const added of [true, false, true]) await react(bob, added)
    for (const added of [true, false]) await react(ann, added)
    const did = [
      { userId: ann, added: false },
      { userId: bob, added: true },
    ].sort((a, b) => (a.userId < b.userId ? -1 : 1))
    expect(await log.reactionsTo(id, entry.seq, '+1')).toEqual(did)
    expect(await log.reactionsTo(id, entry.seq, '-1')).toEqual([])
    expect(await log.reactionsBy(id, ann, [entry.seq])).toEqual([{ seq: 2, emoji: '+1', added: false }])
    await log.change(change(entry, ann, 'delete', { deletion: { by: ann, at: 0 } }, { baseRev }))
    expect((await log.edits(id, entry.seq)).map((one) => stateAfter(one).edit)).toEqual(
      texts.slice(-EDITS_MAX).map(() => null),
    )
    // Written anew by the deletion, and still to be read.
    expect(await log.reactionsTo(id, entry.seq, '+1')).toEqual(did)
  })
})

describe('a change of a message', () => {
  it('is numbered after the last one, beside the head and above its stamp', async () => {
    const { ann, entry } = await said()
    const first = await log.change(change(entry, ann, 'edit', editTo('b')))
    const second = await log.change(change(entry, ann, 'edit', editTo('c'), { baseRev: 1 }))
    expect(first).toMatchObject({ status: 'ok', rev: 1, headSeq: 2, era: entry.era })
    expect(second).toMatchObject({ status: 'ok', rev: 2, headSeq: 2 })
    const stamps = [entry, first, second].map((row) => ('stamp' in row ? row.stamp : 0))
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b))
    expect(new Set(stamps).size).toBe(3)
  })

  it('is answered with its first place when it comes again, and as a mismatch with another body', async () => {
    const { ann, entry } = await said()
    const item = change(entry, ann, 'edit', editTo('b'))
    const first = await log.change(item)
    expect(await log.change(item)).toEqual({ ...first, status: 'duplicate' })
    const other = { ...item, bodyHash: Buffer.alloc(16, 1) }
    expect(await log.change(other)).toEqual({ ...first, status: 'mismatch' })
    expect(await logged(entry.conversationId)).toHaveLength(2)
  })

  it('is stale when members changed since, and gone with its conversation', async () => {
    const { ann, entry } = await said()
    const stale = change(entry, ann, 'edit', editTo('b'), { memberVersion: 0 })
    expect(await log.change(stale)).toEqual({ status: 'stale' })
    const nowhere = '00000000-0000-7000-8000-000000000000' as ConversationId
    const lost = change(entry, ann, 'edit', editTo('b'), { conversationId: nowhere })
    expect(await log.change(lost)).toEqual({ status: 'gone' })
    expect(await head(entry.conversationId)).toMatchObject({ rev: 0 })
  })

  it('is refused when that message was changed since it was looked at, and only then', async () => {
    const { id, ann, bob, entry } = await said()
    await log.append([appendItem(id, bob, 'another')], { wait: true })
    const [another] = await log.entries(id, [3])
    if (!another) throw new Error('no message')
    expect(await log.change(change(entry, ann, 'edit', editTo('b')))).toMatchObject({ status: 'ok' })
    expect(await log.change(change(entry, bob, 'pin', { pinned: true }))).toEqual({ status: 'changed' })
    expect(await log.change(change(another, bob, 'edit', editTo('c')))).toMatchObject({
      status: 'ok',
      rev: 2,
    })
  })

  it('has one winner among many at once', async () => {
    const { ann, bob, entry } = await said()
    const racing = Array.from({ length: 20 }, (_, n) =>
      log.change(
        n % 2 ? change(entry, ann, 'delete', deletedBy(ann)) : change(entry, bob, 'edit', editTo(`${n}`)),
      ),
    )
    const outcomes = (await Promise.all(racing)).map(({ status }) => status)
    expect(outcomes.filter((status) => status === 'ok')).toHaveLength(1)
    expect(outcomes.filter((status) => status === 'changed')).toHaveLength(19)
    expect(await logged(entry.conversationId)).toHaveLength(2)
  })

  it('never follows a deletion, whatever the node that looked before thinks of it', async () => {
    const { ann, bob, entry } = await said()
    await log.change(change(entry, ann, 'edit', editTo('b')))
    await log.change(change(entry, ann, 'delete', deletedBy(ann), { baseRev: 1 }))
    for (const item of [
      change(entry, ann, 'edit', editTo('c'), { baseRev: 1 }),
      change(entry, bob, 'reaction', {}, { baseRev: 1 }),
      change(entry, ann, 'pin', { pinned: true }),
    ]) {
      expect(await log.change(item)).toEqual({ status: 'changed' })
    }
  })
})

describe('a deletion', () => {
  it('takes the text out of every row of the log and out of the preview', async () => {
    const { id, ann, entry } = await said()
    await log.change(change(entry, ann, 'edit', editTo(`${SECRET}, edited`)))
    await log.change(
      change(entry, ann, 'pin', { ...editTo(`${SECRET}, edited`), pinned: true }, { baseRev: 1 }),
    )
    await log.change(change(entry, ann, 'delete', deletedBy(ann), { baseRev: 2 }))
    const rows = await logged(id)
    expect(rows.map(({ rev }) => rev)).toEqual([0, 1, 2, 3])
    expect(JSON.stringify(rows)).not.toContain(SECRET)
    expect(bodyOf(rows[0]?.payload ?? '{}')).toMatchObject({ content: '', clientId: entry.operationId })
    for (const { payload } of rows.slice(1)) {
      expect(JSON.parse(payload)).toMatchObject({ messageId: messageIdOf(entry), state: deletedBy(ann) })
    }
    expect(JSON.stringify(await head(id))).not.toContain(SECRET)
    expect(await log.pins(id)).toEqual([])
  })

  it('leaves other messages as they are', async () => {
    const { id, ann, entry } = await said()
    await log.append([appendItem(id, ann, SECRET)], { wait: true })
    await log.change(change(entry, ann, 'delete', deletedBy(ann)))
    expect(bodyOf((await log.entries(id, [3]))[0]?.payload ?? '{}').content).toBe(SECRET)
    expect(readPreview((await head(id)).preview).payload).toContain(SECRET)
  })
})

describe('what is kept beside the log', () => {
  it('is the preview of the last message as changed, with the rev and the stamp of its change', async () => {
    const { id, ann, bob, entry } = await said()
    const edited = await log.change(change(entry, ann, 'edit', editTo('b')))
    expect(await head(id)).toMatchObject({ preview_seq: 2, preview_rev: 1 })
    expect((await head(id)).preview_changed).toBe('stamp' in edited && edited.stamp)
    expect(readPreview((await head(id)).preview).state).toContain('"content":"b"')
    await log.append([appendItem(id, bob, 'next')], { wait: true })
    expect(await head(id)).toMatchObject({ preview_seq: 3, preview_rev: 1, preview_changed: null })
    await log.change(change(entry, ann, 'edit', editTo('c'), { baseRev: 1 }))
    expect(await head(id)).toMatchObject({ preview_seq: 3, preview_rev: 1, preview_changed: null, rev: 2 })
  })

  it('is who is called by name: with the message, anew with an edit, none once it is deleted', async () => {
    const { id, ann, bob, entry } = await said('hello', { mentions: [null] })
    const named = async () => {
      const { rows } = await pool.query(
        'select seq, user_id, sender_id from mentions where conversation_id = $1',
        [id],
      )
      return rows
    }
    expect(await named()).toEqual([{ seq: 2, user_id: null, sender_id: ann }])
    await log.change(change(entry, ann, 'edit', editTo('b'), { mentions: [bob] }))
    expect(await named()).toEqual([{ seq: 2, user_id: bob, sender_id: ann }])
    await log.change(change(entry, bob, 'reaction', editTo('b'), { baseRev: 1 }))
    expect(await named()).toHaveLength(1)
    await log.change(change(entry, ann, 'delete', deletedBy(ann), { baseRev: 2 }))
    expect(await named()).toEqual([])
  })

  it('is how many replies a thread has, over batches and repeats', async () => {
    const { id, ann, bob, entry } = await said()
    const threadRootId = messageIdOf(entry)
    const reply = (text: string) => {
      const operationId = newOperationId()
      const payload = payloadOf(bodyWith({ clientId: operationId, content: text, threadRootId }))
      return appendItem(id, bob, text, { operationId, payload, rootSeq: 2 })
    }
    const repeated = reply('again')
    await log.append([reply('a'), repeated, appendItem(id, ann, 'beside')], { wait: true })
    await log.append([repeated, reply('b')], { wait: true })
    expect((await log.overlays(id, [2, 3])).replies).toEqual(new Map([[2, 3]]))
    expect(await log.replies(id, { rootSeq: 2, anchor: 'after', seq: 0, limit: 9 })).toEqual([3, 4, 6])
    expect(await log.replies(id, { rootSeq: 2, anchor: 'before', seq: 6, limit: 1 })).toEqual([4])
  })

  it('is what is pinned, up to a hundred', async () => {
    const { id, ann } = await said()
    await log.append(
      Array.from({ length: 100 }, (_, n) => appendItem(id, ann, `${n}`)),
      { wait: true },
    )
    const entries = await log.entries(
      id,
      Array.from({ length: 101 }, (_, n) => n + 2),
    )
    const [last, ...others] = entries.toReversed()
    if (!last) throw new Error('no messages')
    for (const entry of others) {
      const item = change(entry, ann, 'pin', { pinned: true })
      expect(await log.change(item)).toMatchObject({ status: 'ok' })
    }
    const { rev } = await head(id)
    const again = () => log.change(change(last, ann, 'pin', { pinned: true }, { baseRev: rev + 1 }))
    expect(await again()).toEqual({ status: 'full' })
    const [oldest] = entries
    if (!oldest) throw new Error('no messages')
    const taken = change(oldest, ann, 'pin', { pinned: false }, { pinned: false, baseRev: rev })
    expect(await log.change(taken)).toMatchObject({ status: 'ok' })
    expect(await again()).toMatchObject({ status: 'ok' })
    expect((await log.pins(id)).slice(0, 2)).toEqual([102, 3])
  })
})
