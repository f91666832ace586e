import type pg from 'pg'
import { type ChangeKind, changePayloadOf } from '../domain/change.ts'
import { type ConversationId, messageIdOf, newOperationId, type Seq, type UserId } from '../domain/ids.ts'
import { blankPayload, bodyWith, payloadOf, previewOf, timeOf } from '../domain/log-entry.ts'
import type { MessageState } from '../domain/message.ts'
import type { DigestEntry } from '../notifier/ports.ts'
import { PostgresMessageLog } from '../repository/postgres/message-log.ts'
import { insertUser } from './chat-rows.ts'
import { appendItem } from './fixtures.ts'

const UNCHANGED: MessageState = { rev: 0, edit: null, deletion: null, pinned: false, reactions: [] }

/** A user with a verified address of their own. */
export async function insertReader(pool: pg.Pool, name: string): Promise<{ id: UserId; address: string }> {
  const id = await insertUser(pool, name)
  const address = `${name.toLowerCase().replaceAll(/[^a-z]/g, '')}-${id.slice(-6)}@example.org`
  await pool.query(
    `insert into identities (user_id, kind, value, value_key, verified_at, created_at)
     values ($1, 'email', $2, $2, now() - interval '1 day', now() - interval '1 day')`,
    [id, address],
  )
  return { id, address }
}

/** Says something, and answers it as the notifier notes it for the one who is to read it. */
export async function sayTo(
  pool: pg.Pool,
  reader: UserId,
  said: { conversationId: ConversationId; senderId: UserId; text: string; mentions?: UserId[] },
): Promise<Omit<DigestEntry, 'dueAtMs'>> {
  const { conversationId, senderId, text, mentions = [] } = said
  const payload = payloadOf(bodyWith({ content: text, mentions: { userIds: mentions, all: false } }))
  const item = appendItem(conversationId, senderId, text, { payload })
  const [appended] = await new PostgresMessageLog(pool).append([item], { wait: true })
  if (appended?.status !== 'ok') throw new Error(`not appended: ${appended?.status}`)
  const { seq, era, stamp } = appended
  const eventId = `${conversationId}:${era}:s${seq}`
  return { userId: reader, conversationId, seq, day: timeOf(stamp).slice(0, 10), eventId }
}

/** Changes a message as its author. */
export async function changeMessage(
  pool: pg.Pool,
  { conversationId, seq }: { conversationId: ConversationId; seq: Seq },
  kind: ChangeKind,
  part: Partial<MessageState>,
): Promise<void> {
  const log = new PostgresMessageLog(pool)
  const [entry] = await log.entries(conversationId, [seq])
  if (!entry) throw new Error('no such message')
  const state = { ...UNCHANGED, ...part }
  const { era, senderId } = entry
  const blank = kind === 'delete' ? blankPayload(entry.payload) : null
  const outcome = await log.change({
    conversationId,
    senderId,
    operationId: newOperationId(),
    bodyHash: Buffer.alloc(16),
    memberVersion: 1,
    kind,
    targetSeq: seq,
    baseRev: 0,
    payload: changePayloadOf(
      {
        messageId: messageIdOf(entry),
        era,
        emoji: null,
        added: true,
        blank,
        expires: null,
        authorId: senderId,
      },
      state,
    ),
    preview: previewOf({ ...entry, payload: blank ?? entry.payload }, state),
    blank,
    mentions: [],
    authorId: senderId,
    pinned: false,
  })
  if (outcome.status !== 'ok') throw new Error(`not changed: ${outcome.status}`)
}
