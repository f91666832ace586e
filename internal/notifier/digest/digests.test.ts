import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import { createLogger } from '../../platform/logger.ts'
import { PostgresDigests } from '../../repository/postgres/email-digests.ts'
import { PostgresMailRecipients } from '../../repository/postgres/email-recipients.ts'
import { createLogPool } from '../../repository/postgres/log-pool.ts'
import { PostgresNotificationSettings } from '../../repository/postgres/notification-settings.ts'
import { PostgresTraceReader } from '../../repository/postgres/notification-trace-reader.ts'
import { Sql } from '../../repository/postgres/sql.ts'
import { PostgresUnreadReader } from '../../repository/postgres/unread-reader.ts'
import { explain } from '../../service/notification/explain.ts'
import { insertConversation, insertUser } from '../../testkit/chat-rows.ts'
import { changeMessage, insertReader, sayTo } from '../../testkit/mail-room.ts'
import { notifierStores } from '../../testkit/notifier-parts.ts'
import { testPostgres } from '../../testkit/services.ts'
import { type SmtpStandIn, startSmtp } from '../../testkit/smtp.ts'
import { SmtpCarrier } from '../courier/smtp.ts'
import type { DigestEntry } from '../ports.ts'
import { type DigestOutcome, Digests } from './digests.ts'

const MINUTE = 60_000
const DELAY = 15 * MINUTE
const logger = createLogger({ name: 'test', level: 'silent' })
const from = { name: 'RealChat', address: 'chat@example.org' }

describe('digests on PostgreSQL and a real SMTP server', () => {
  let pool: pg.Pool
  let server: SmtpStandIn
  let carrier: SmtpCarrier
  let ann: UserId
  let bob: { id: UserId; address: string }
  let direct: ConversationId
  /** What the clocks of all notifiers show. */
  let now: number
  let outcomes: DigestOutcome[]

  beforeAll(async () => {
    pool = createLogPool((await testPostgres()).url, 'test', 12)
  })

  afterAll(() => pool.end())

  beforeEach(async () => {
    // Digests of the tests before are not of this one.
    await pool.query('truncate email_digests cascade')
    server = await startSmtp()
    carrier = new SmtpCarrier({ url: server.url, from, unsubscribeTo: null, dkim: null, timeoutMs: 2000 })
    ann = await insertUser(pool, 'Ann')
    bob = await insertReader(pool, 'Bob')
    direct = await insertConversation(pool, 'direct', [ann, bob.id])
    now = Date.now()
    outcomes = []
  })

  afterEach(async () => {
    carrier.close()
    await server.close()
  })

  const stores = () => new PostgresDigests(new Sql(pool))

  function notifier(): Digests {
    const sql = new Sql(pool)
    return new Digests({
      ...notifierStores(pool),
      queue: new PostgresDigests(sql),
      unread: new PostgresUnreadReader(pool, pool),
      tokens: new PostgresMailRecipients(sql),
      carrier,
      clock: { now: () => now },
      logger,
      publicUrl: 'https://chat.example.org',
      observe: (outcome) => outcomes.push(outcome),
    })
  }

  const running = new AbortController().signal
  const step = async () => {
    while (await notifier().step(running));
  }

  async function say(text: string, dueMs = DELAY, conversationId = direct): Promise<DigestEntry> {
    const mentions = conversationId === direct ? [] : [bob.id]
    const said = await sayTo(pool, bob.id, { conversationId, senderId: ann, text, mentions })
    const entry = { ...said, dueAtMs: now + dueMs }
    await stores().note([entry])
    return entry
  }

  async function explained({ conversationId, seq }: DigestEntry) {
    const reader = new PostgresTraceReader(new Sql(pool))
    const { decisions, attempts, devices } = await reader.ofRecipient({ conversationId, seq }, bob.id)
    return explain(decisions, attempts, devices).map(({ outcome, reason }) => `${outcome} ${reason}`)
  }

  it('are due once, at the first message’s time, and later ones join', async () => {
    await say('one')
    now += 14 * MINUTE
    await say('two')
    const noted = await say('three')
    await stores().note([noted])
    await step()
    expect(server.mails).toHaveLength(0)
    now += MINUTE
    await step()
    await step()
    expect(server.mails).toHaveLength(1)
    const [mail] = server.mails
    expect(mail?.to).toEqual([bob.address])
    expect(mail?.header('subject')).toBe('3 unread messages from Ann')
    expect(mail?.parts.get('text/plain')).toMatch(/one\n[\s\S]*two\n[\s\S]*three\n/)
    expect(await explained(noted)).toEqual(['sent direct'])
    // The same event again, after its mail.
    await stores().note([{ ...noted, dueAtMs: now }])
    now += DELAY
    await step()
    expect(server.mails).toHaveLength(1)
  })

  it('are sent by one of many notifiers', async () => {
    const readers = await Promise.all(Array.from({ length: 40 }, (_, i) => insertReader(pool, `Reader-${i}`)))
    const group = await insertConversation(pool, 'group', [ann, ...readers.map(({ id }) => id)], 'Kitchen')
    const mentions = readers.map(({ id }) => id)
    const said = await sayTo(pool, ann, { conversationId: group, senderId: ann, text: 'Tea?', mentions })
    await stores().note(readers.map(({ id }) => ({ ...said, userId: id, dueAtMs: now })))
    const notifiers = Array.from({ length: 4 }, notifier)
    await Promise.all(
      notifiers.map(async (each) => {
        for (let i = 0; i < 8; i++) await each.step(running)
      }),
    )
    await step()
    expect(server.mails.map(({ to }) => to[0]).sort()).toEqual(readers.map(({ address }) => address).sort())
    expect(server.mails[0]?.header('subject')).toBe('Ann mentioned you in Kitchen')
  })

  it('are not sent when all was read, and say so', async () => {
    const entry = await say('hello')
    await pool.query('update conversation_members set delivered_seq = 9, read_seq = 9 where user_id = $1', [
      bob.id,
    ])
    now += DELAY
    await step()
    expect([server.tries(), outcomes]).toEqual([0, ['empty']])
    expect(await explained(entry)).toEqual(['none read'])
  })

  it('leave out what is not to be told any more, each for its reason', async () => {
    const names = ['read', 'muted', 'deleted', 'left', 'hidden', 'unmentioned', 'gone', 'kept'] as const
    const groups = new Map<string, ConversationId>()
    const entries = new Map<string, DigestEntry>()
    for (const name of names) {
      const group = await insertConversation(pool, 'group', [ann, bob.id], name)
      groups.set(name, group)
      entries.set(name, await say(`text of ${name}`, DELAY, group))
    }
    const blocked = await insertReader(pool, 'Eve')
    const theirs = await insertConversation(pool, 'direct', [blocked.id, bob.id])
    const unwanted = await sayTo(pool, bob.id, { conversationId: theirs, senderId: blocked.id, text: 'spam' })
    await stores().note([{ ...unwanted, dueAtMs: now }])
    await pool.query('insert into blocks (blocker_id, blocked_id, created_at) values ($1, $2, now())', [
      bob.id,
      blocked.id,
    ])
    const set = (name: string, change: string) =>
      pool.query(`update conversation_members set ${change} where user_id = $1 and conversation_id = $2`, [
        bob.id,
        groups.get(name),
      ])
    await set('read', 'delivered_seq = 1, read_seq = 1')
    await set('muted', `muted_until = now() + interval '1 day'`)
    await pool.query('delete from conversation_members where user_id = $1 and conversation_id = $2', [
      bob.id,
      groups.get('left'),
    ])
    await pool.query('delete from conversations where id = $1', [groups.get('gone')])
    const at = (name: string) => entries.get(name) ?? { ...unwanted, dueAtMs: now }
    await changeMessage(pool, at('deleted'), 'delete', { deletion: { by: ann, at: 0 } })
    await changeMessage(pool, at('unmentioned'), 'edit', {
      edit: { content: 'nobody', mentions: { userIds: [], all: false }, at: 0 },
    })
    await changeMessage(pool, at('kept'), 'edit', {
      edit: { content: 'edited', mentions: { userIds: [bob.id], all: false }, at: 0 },
    })
    await pool.query(
      `insert into hidden_messages (user_id, conversation_id, seq, message_id, rev)
       values ($1, $2, $3, gen_random_uuid(), 0)`,
      [bob.id, groups.get('hidden'), at('hidden').seq],
    )
    now += DELAY
    await step()
    const [mail] = server.mails
    expect(server.mails).toHaveLength(1)
    expect(mail?.header('subject')).toBe('Ann mentioned you in kept')
    expect(mail?.parts.get('text/plain')).toContain('edited')
    for (const part of mail?.parts.values() ?? []) expect(part).not.toMatch(/text of|spam|nobody/)
    expect(await explained({ ...unwanted, dueAtMs: 0 })).toEqual(['none blocked'])
    const reasons = {
      read: 'read',
      muted: 'muted',
      left: 'not_member',
      deleted: 'deleted',
      hidden: 'deleted',
    }
    for (const [name, reason] of Object.entries({ ...reasons, unmentioned: 'not_mentioned' })) {
      expect([name, await explained(at(name))]).toEqual([name, [`none ${reason}`]])
    }
  })

  it('show nothing of messages to who turned previews off, and nothing at all to who turned mails off', async () => {
    const settings = new PostgresNotificationSettings(new Sql(pool))
    await settings.change(bob.id, { previews: false }, new Date())
    await say('secret words')
    now += DELAY
    await step()
    expect(server.mails[0]?.header('subject')).toBe('New message from Ann')
    expect(server.mails[0]?.raw).not.toContain('secret')
    const entry = await say('more')
    await settings.change(bob.id, { email: false }, new Date())
    now += 2 * DELAY
    await step()
    expect(server.mails).toHaveLength(1)
    expect(await explained(entry)).toEqual(['none email_off'])
  })

  it('climb the ladder while the server is busy, and are read in between', async () => {
    await say('one')
    now += DELAY
    server.answer = () => '421 4.3.2 later'
    await step()
    await step()
    expect([server.tries(), outcomes]).toEqual([1, ['retry']])
    await say('two', MINUTE)
    server.answer = () => null
    now += 5000
    await step()
    // The second waits for its own turn: no two within the delay.
    expect(server.mails.map((mail) => mail.header('subject'))).toEqual(['New message from Ann'])
    now += 2 * MINUTE
    await step()
    expect(server.mails).toHaveLength(1)
    now += DELAY
    await step()
    expect(server.mails).toHaveLength(2)
  })

  it('are given up at the ladder’s end', async () => {
    const entry = await say('one')
    server.answer = () => '450 4.2.0 no'
    for (const wait of [DELAY, 5000, 30_000, 2 * MINUTE, 10 * MINUTE, 60 * MINUTE, 60 * MINUTE]) {
      now += wait
      await step()
    }
    expect(server.tries()).toBe(6)
    expect(outcomes.at(-1)).toBe('failed')
    expect(await explained(entry)).toEqual(['none mail_failed'])
  })

  it('stop at an address that was refused three times, until it is confirmed again', async () => {
    server.answer = (stage) => (stage === 'to' ? '550 5.1.1 no such user' : null)
    for (let i = 0; i < 3; i++) {
      await say('hello')
      now += DELAY
      await step()
    }
    expect([server.tries(), outcomes]).toEqual([3, ['failed', 'failed', 'failed']])
    const entry = await say('hello')
    now += DELAY
    await step()
    expect(server.tries()).toBe(3)
    expect(await explained(entry)).toEqual(['none address_bounces'])
    await pool.query(`update identities set verified_at = $2 where user_id = $1`, [bob.id, new Date(now + 1)])
    server.answer = () => null
    await say('hello')
    now += DELAY
    await step()
    expect(server.mails).toHaveLength(1)
  })

  it('go out once more under the same id after an outcome that nobody knows, and no third time', async () => {
    const entry = await say('one')
    now += DELAY
    server.answer = (stage) => (stage === 'data' ? 'cut' : null)
    await step()
    now += 5000
    await step()
    now += 60 * MINUTE
    await step()
    expect(server.mails).toHaveLength(2)
    expect(new Set(server.mails.map((mail) => mail.header('message-id'))).size).toBe(1)
    expect(outcomes).toEqual(['unknown', 'failed'])
    expect(await explained(entry)).toEqual(['none delivery_unknown'])
  })

  it('come again when whoever had them died: before sending as new, within it once', async () => {
    await say('one')
    now += DELAY
    const queue = stores()
    const [lost] = await queue.take(now, MINUTE, 10)
    expect(await queue.take(now, MINUTE, 10)).toEqual([])
    now += MINUTE
    const [again] = await queue.take(now, MINUTE, 10)
    expect(again).toMatchObject({ id: lost?.id, lost: false, repeated: false })
    if (!lost || !again) throw new Error('taken')
    expect(await queue.begin(lost, now + MINUTE)).toBe(false)
    expect(await queue.begin(again, now + MINUTE)).toBe(true)
    now += MINUTE
    await step()
    expect([server.mails.length, outcomes]).toEqual([1, ['sent']])
    await queue.settle(again, { kind: 'failed', reason: 'late', refusedAddress: null }, now)
    const { rows } = await pool.query('select state, repeated from email_digests')
    expect(rows).toEqual([{ state: 'sent', repeated: true }])
  })

  it('go back when the process stops before they are sent', async () => {
    await say('one')
    now += DELAY
    const stopped = new AbortController()
    stopped.abort()
    await notifier().step(stopped.signal)
    expect(server.tries()).toBe(0)
    await step()
    expect(server.mails).toHaveLength(1)
  })

  it('are no more than a day may have, security mails among them', async () => {
    const recipients = new PostgresMailRecipients(new Sql(pool))
    now = Date.parse(`${new Date().toISOString().slice(0, 10)}T01:00:00Z`)
    const admitted = await Promise.all(Array.from({ length: 30 }, () => recipients.admit(bob.id, now)))
    expect(admitted.filter(Boolean)).toHaveLength(20)
    await say('one', 0)
    await step()
    expect(server.tries()).toBe(0)
    now += 24 * 60 * MINUTE
    await step()
    expect(server.mails).toHaveLength(1)
  })

  it('are forgotten after their time, and with the account', async () => {
    await say('one', 0)
    await step()
    expect(await stores().prune(now - 1, 100)).toBe(0)
    expect(await stores().prune(now + 1, 100)).toBe(1)
    const { rows } = await pool.query('select 1 from email_digest_entries')
    expect(rows).toEqual([])
  })

  it('have one way out for each reader', async () => {
    await say('one', 0)
    await step()
    now += 2 * DELAY
    await say('two', 0)
    await step()
    const links = server.mails.map((mail) => mail.header('list-unsubscribe'))
    expect(links[0]).toMatch(/^<https:\/\/chat\.example\.org\/api\/v1\/unsubscribe\/[\w-]{32}>$/)
    expect(links[1]).toBe(links[0])
    const token = links[0]?.slice(-33, -1) ?? ''
    expect(server.mails[0]?.parts.get('text/html')).toContain(`/unsubscribe/${token}"`)
    expect(await new PostgresMailRecipients(new Sql(pool)).ownerOf(token)).toBe(bob.id)
  })
})
