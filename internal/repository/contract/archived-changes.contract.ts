import { describe, expect, it } from '@jest/globals'
import { type ChangeBody, type ChangeEntry, type ChangeKind, changePayloadOf } from '../../domain/change.ts'
import { type ClientId, type ConversationId, messageIdOf, type UserId, uuidv7 } from '../../domain/ids.ts'
import { blankPayload, bodyOf, bodyWith, type LogEntry, payloadOf } from '../../domain/log-entry.ts'
import type { MessageState, ReactionSummary } from '../../domain/message.ts'
import type { ArchiveWriter } from '../../relay/ports.ts'
import { EDITS_MAX, type MessageArchive } from '../../service/message/ports.ts'
import { logEntry } from './message-archive.contract.ts'

type Archive = MessageArchive & ArchiveWriter

const UNCHANGED: MessageState = { rev: 0, edit: null, deletion: null, pinned: false, reactions: [] }

/** A change of a message as the log would have numbered it, with the message's whole state after it. */
export function logChange(
  of: LogEntry,
  rev: number,
  kind: ChangeKind,
  state: Partial<MessageState>,
  { body = {}, ...given }: Partial<ChangeEntry> & { body?: Partial<ChangeBody> } = {},
): ChangeEntry {
  const full: ChangeBody = {
    messageId: messageIdOf(of),
    authorId: of.senderId,
    era: of.era,
    emoji: null,
    added: true,
    blank: kind === 'delete' ? blankPayload(of.payload) : null,
    expires: null,
    ...body,
  }
  return {
    kind,
    conversationId: of.conversationId,
    rev,
    headSeq: of.seq,
    targetSeq: of.seq,
    era: of.era,
    stamp: of.stamp + rev * 1000,
    senderId: uuidv7<UserId>(),
    operationId: uuidv7<ClientId>(),
    payload: changePayloadOf(full, { ...UNCHANGED, ...state }),
    ...given,
  }
}

export function editTo(content: string): Partial<MessageState> {
  return { edit: { content, mentions: { userIds: [], all: false }, at: 0 } }
}

const newMessage = (seq = 1) => logEntry(uuidv7<ConversationId>(), seq)

function reacted(emoji: string, users: UserId[]): { reactions: ReactionSummary[] } {
  return { reactions: users.length > 0 ? [{ emoji, count: users.length, userIds: users }] : [] }
}

function reaction(of: LogEntry, rev: number, user: UserId, added: boolean, emoji = '+1'): ChangeEntry {
  const state = reacted(emoji, added ? [user] : [])
  return logChange(of, rev, 'reaction', state, { senderId: user, body: { emoji, added } })
}

function orders<Item>(items: readonly Item[]): Item[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((item, n) => orders(items.toSpliced(n, 1)).map((rest) => [item, ...rest]))
}

/** What a MessageArchive makes of changes, whatever the order in which it gets them. */
export function archivedChangesContract(name: string, open: () => Archive): void {
  describe(`changes in the MessageArchive on ${name}`, () => {
    const entry = async ({ conversationId, seq }: LogEntry) =>
      (await open().entries(conversationId, [seq])).at(0)

    it('make of a message what the newest stamp says, in any order and before the message itself', async () => {
      await Promise.all(
        orders([0, 1, 2, 3]).map(async (order) => {
          const message = newMessage()
          const user = uuidv7<UserId>()
          const rows = [
            message,
            logChange(message, 1, 'edit', editTo('b')),
            logChange(message, 2, 'pin', { ...editTo('b'), pinned: true }),
            logChange(message, 3, 'edit', { ...editTo('c'), ...reacted('+1', [user]), pinned: true }),
          ]
          for (const n of order) await open().write(rows.slice(n, n + 1))
          expect(await entry(message)).toEqual({
            ...message,
            state: {
              rev: 3,
              edit: { content: 'c', mentions: { userIds: [], all: false }, at: message.stamp + 3000 },
              deletion: null,
              pinned: true,
              reactions: [{ emoji: '+1', count: 1, userIds: [user] }],
            },
          })
          const edits = await open().edits(message.conversationId, message.seq)
          expect(edits).toEqual([
            { content: 'b', stamp: message.stamp + 1000 },
            { content: 'c', stamp: message.stamp + 3000 },
          ])
        }),
      )
    })

    it('stay as they are when rows come again', async () => {
      const message = newMessage()
      const rows = [
        message,
        logChange(message, 1, 'edit', editTo('b')),
        logChange(message, 2, 'edit', editTo('c')),
      ]
      await open().write(rows)
      const first = [await entry(message), await open().changes(message.conversationId, 1, 9)]
      await open().write(rows.toReversed())
      await open().write(rows.slice(0, 2))
      expect([await entry(message), await open().changes(message.conversationId, 1, 9)]).toEqual(first)
      expect(await open().edits(message.conversationId, 1)).toHaveLength(2)
    })

    it('answer the last edits of very many', async () => {
      const message = newMessage()
      const texts = Array.from({ length: EDITS_MAX + 4 }, (_, n) => `text ${n + 1}`)
      await open().write([
        message,
        ...texts.map((text, n) => logChange(message, n + 1, 'edit', editTo(text))),
      ])
      const edits = await open().edits(message.conversationId, message.seq)
      expect(edits.map(({ content }) => content)).toEqual(texts.slice(-EDITS_MAX))
    })

    it('have no message to show while only they are there', async () => {
      const message = newMessage()
      await open().write([logChange(message, 1, 'edit', editTo('b'))])
      expect(await open().range(message.conversationId, 1, 9)).toEqual([])
      expect(await open().entries(message.conversationId, [1])).toEqual([])
      expect(await open().changes(message.conversationId, 1, 9)).toHaveLength(1)
    })

    it('put a reaction there or take it away as the last of them did, in any order', async () => {
      await Promise.all(
        orders([0, 1, 2]).flatMap((order) =>
          [true, false].map(async (isThere) => {
            const message = newMessage()
            const user = uuidv7<UserId>()
            const rows = [!isThere, isThere, !isThere, isThere].map((added, n) =>
              reaction(message, n + 1, user, added),
            )
            await open().write([message])
            for (const n of order) await open().write(rows.slice(n + 1, n + 2))
            await open().write(rows.slice(0, 1))
            const asked = [{ seq: 1, emoji: '+1' }]
            expect(await open().reactedBy(message.conversationId, user, asked)).toEqual(isThere ? asked : [])
            const users = await open().reactors(message.conversationId, 1, '+1', 9)
            expect(users).toEqual(isThere ? [user] : [])
          }),
        ),
      )
    })

    it('tell who reacted how, for many messages at once and no more than asked for', async () => {
      const conversation = uuidv7<ConversationId>()
      const seqs = [1, 2 ** 13 - 1, 2 ** 13 + 1]
      const users = Array.from({ length: 5 }, () => uuidv7<UserId>())
      const [ann, bob] = users
      if (!ann || !bob) throw new Error('users')
      const messages = seqs.map((seq) => logEntry(conversation, seq))
      const [first, second, third] = messages
      if (!first || !second || !third) throw new Error('messages')
      await open().write([
        ...messages,
        ...users.map((user, n) => reaction(first, n + 1, user, true)),
        reaction(second, 6, ann, true, 'ok'),
        reaction(third, 7, ann, true),
        reaction(third, 8, bob, true, 'ok'),
      ])
      expect((await open().reactors(conversation, 1, '+1', 9)).toSorted()).toEqual(users.toSorted())
      expect(await open().reactors(conversation, 1, '+1', 3)).toHaveLength(3)
      expect(await open().reactors(conversation, 1, 'ok', 9)).toEqual([])
      const asked = seqs.flatMap((seq) => ['+1', 'ok'].map((emoji) => ({ seq, emoji })))
      const mine = await open().reactedBy(conversation, ann, asked.slice(1))
      expect(mine.toSorted((a, b) => a.seq - b.seq)).toEqual([
        { seq: seqs[1], emoji: 'ok' },
        { seq: seqs[2], emoji: '+1' },
      ])
      expect(await open().reactedBy(conversation, ann, [])).toEqual([])
    })

    it('erase with a deletion the text, its versions and its reactions, also those that come later', async () => {
      await Promise.all(
        orders([0, 1, 2, 3]).map(async (order) => {
          const message = newMessage()
          const by = message.senderId
          const user = uuidv7<UserId>()
          const rows = [
            message,
            logChange(message, 1, 'edit', editTo('a secret version')),
            reaction(message, 2, user, true),
            logChange(message, 3, 'delete', { deletion: { by, at: 0 } }),
          ]
          for (const n of order) await open().write(rows.slice(n, n + 1))
          await open().write(rows.slice(0, 3))
          const found = await entry(message)
          expect(bodyOf(found?.payload ?? '{}').content).toBe('')
          expect(found?.state).toEqual({ ...UNCHANGED, rev: 3, deletion: { by, at: message.stamp + 3000 } })
          const { conversationId: id } = message
          expect(await open().edits(id, 1)).toEqual([])
          expect(await open().reactors(id, 1, '+1', 9)).toEqual([])
          expect(await open().reactedBy(id, user, [{ seq: 1, emoji: '+1' }])).toEqual([])
          expect(JSON.stringify(await open().changes(id, 1, 9))).not.toContain('secret')
        }),
      )
    })

    it('leave other messages alone', async () => {
      const message = newMessage()
      const other = logEntry(message.conversationId, 2)
      const user = uuidv7<UserId>()
      await open().write([
        message,
        other,
        logChange(other, 1, 'edit', editTo('b')),
        reaction(other, 2, user, true),
        logChange(message, 3, 'delete', { deletion: { by: message.senderId, at: 0 } }),
      ])
      expect((await entry(other))?.payload).toBe(other.payload)
      expect(await open().edits(other.conversationId, 2)).toHaveLength(1)
      expect(await open().reactors(other.conversationId, 2, '+1', 9)).toEqual([user])
    })

    it('are found by rev, ascending, over the ends of partitions, without what the messages were', async () => {
      const message = newMessage()
      const from = 2 ** 13 - 2
      const rows = Array.from({ length: 5 }, (_, n) =>
        logChange(message, from + n, 'edit', editTo(`text ${n}`)),
      )
      await open().write([message, ...rows.toReversed()])
      const found = await open().changes(message.conversationId, from, from + 3)
      expect(found).toEqual(
        rows.slice(0, 4).map((row) => ({ ...row, payload: row.payload.replace(/,"state":.*$/, '}') })),
      )
    })

    it('belong to the era of their message, and to the newest era where two have a rev', async () => {
      const lost = newMessage()
      const kept = logEntry(lost.conversationId, 1, { era: 2 })
      const [old, current] = [
        logChange(lost, 1, 'edit', editTo('lost')),
        logChange(kept, 1, 'edit', editTo('kept')),
      ]
      // Written later, and under a later stamp: what counts is the era.
      await open().write([kept, current, lost, { ...old, stamp: current.stamp + 9000 }])
      expect(await entry(kept)).toMatchObject({ era: 2, state: { edit: { content: 'kept' } } })
      expect((await open().changes(lost.conversationId, 1, 1)).map(({ era }) => era)).toEqual([2])
    })

    it('know the replies of a thread, whatever the order of writing', async () => {
      const root = newMessage()
      const payload = payloadOf(bodyWith({ content: 'reply', threadRootId: messageIdOf(root) }))
      const { conversationId: id } = root
      const replies = [9, 3, 7, 5].map((seq) => logEntry(id, seq, { payload }))
      await open().write([...replies, logEntry(id, 4), root])
      await open().write(replies)
      const asked = { rootSeq: 1, limit: 2 } as const
      expect(await open().replies(id, { ...asked, anchor: 'after', seq: 0 })).toEqual([3, 5])
      expect(await open().replies(id, { ...asked, anchor: 'after', seq: 5 })).toEqual([7, 9])
      expect(await open().replies(id, { ...asked, anchor: 'before', seq: 9 })).toEqual([5, 7])
      expect(await open().replies(id, { ...asked, anchor: 'before', seq: 3 })).toEqual([])
      expect(await open().replies(id, { ...asked, rootSeq: 2, anchor: 'after', seq: 0 })).toEqual([])
    })
  })
}
