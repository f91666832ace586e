import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { exportRoutes } from '../../internal/api/http/account.ts'
import { type ClientId, newOperationId, uuidv7 } from '../../internal/domain/ids.ts'
import { PostgresConversations } from '../../internal/repository/postgres/conversation.ts'
import { PostgresMemberNames } from '../../internal/repository/postgres/member-names.ts'
import { PostgresMessageArchive } from '../../internal/repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../internal/repository/postgres/message-log.ts'
import { AuthoredMessages } from '../../internal/service/account/authored.ts'
import { AccessCache } from '../../internal/service/message/access-cache.ts'
import { Appender } from '../../internal/service/message/appender.ts'
import { History } from '../../internal/service/message/history.ts'
import { Messages, PLAIN } from '../../internal/service/message/messages.ts'
import { actorOf, LiveRecord } from '../../internal/testkit/conversation-world.ts'
import { type ComposeOptions, identityWorld, login, register } from '../../internal/testkit/identity-world.ts'
import { composeExport } from './account-export.ts'
import { composeConversations } from './conversation.ts'
import { composeIdentity } from './identity.ts'

function compose(options: ComposeOptions) {
  const { pool, clock, publicUrl } = options
  const identity = composeIdentity(options)
  const live = new LiveRecord()
  const relay = { wake: () => {} }
  const { users, audit } = identity
  const shared = { pool, users, live, relay, audit, clock, publicUrl }
  const { conversations, members } = composeConversations(shared)
  const log = new PostgresMessageLog(pool)
  const archive = new PostgresMessageArchive(pool)
  const messages = new Messages({
    access: new AccessCache(new PostgresConversations(pool)),
    appender: new Appender(log),
    history: new History(log, archive),
    names: new PostgresMemberNames(pool),
    ...{ live, relay, newOperationId },
  })
  const authored = new AuthoredMessages(log, archive, clock.now)
  const exported = composeExport({ pool, identity, conversations, authored, now: clock.now })
  return {
    ...identity,
    ...{ conversations, members, messages },
    routes: [...identity.routes, ...exportRoutes(exported)],
  }
}

const world = await identityWorld(compose)
const one = await world.startNode()

/** The files of a ZIP, by Python's own reader of them: not by the library that wrote it. */
async function unzip(bytes: ArrayBuffer): Promise<Map<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), 'export-'))
  try {
    await writeFile(join(folder, 'export.zip'), Buffer.from(bytes))
    const script = `
import json, sys, zipfile
with zipfile.ZipFile('export.zip') as z:
    assert z.testzip() is None
    json.dump({name: json.loads(z.read(name)) for name in z.namelist()}, open('all.json', 'w'))`
    const { status, stderr } = spawnSync('python3', ['-c', script], { cwd: folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    return new Map(Object.entries(JSON.parse(await readFile(join(folder, 'all.json'), 'utf8'))))
  } finally {
    await rm(folder, { recursive: true })
  }
}

const exportOf = (token: string, signal?: AbortSignal) =>
  fetch(`${one.url}/api/v1/users/me/export`, {
    headers: { authorization: `Bearer ${token}` },
    ...(signal && { signal }),
  })

async function somebody() {
  const signedIn = await register(one)
  return { ...signedIn, actor: actorOf(signedIn.user.id) }
}

async function aGroup(owner: Awaited<ReturnType<typeof somebody>>, others: (typeof owner)[]) {
  const input = {
    kind: 'group' as const,
    memberIds: others.map(({ user }) => user.id),
    name: 'Friends',
    description: null,
    clientId: uuidv7<ClientId>(),
  }
  return (await one.identity.conversations.create(owner.actor, input)).conversation.id
}

describe('exporting an account', () => {
  it('gives what one is, has and wrote, and nothing that others wrote', async () => {
    const [ann, bob] = [await somebody(), await somebody()]
    const { conversations: _, messages, members } = one.identity
    const id = await aGroup(bob, [ann])
    const left = await aGroup(bob, [ann])
    for (let n = 1; n <= 3; n++) {
      await messages.send(ann.actor, id, { ...PLAIN, content: `Ann’s ${n}` })
      await messages.send(bob.actor, id, { ...PLAIN, content: `Bob’s ${n}` })
    }
    await messages.send(ann.actor, left, { ...PLAIN, content: 'Farewell' })
    await members.leave(ann.actor, left, '192.0.2.1')
    await one.call('PUT', `/users/${bob.user.id}/block`, { token: ann.accessToken })
    await login(one, ann.user.username, 'wrong password')
    await world.pool.query(
      `insert into scheduled_messages (id, conversation_id, sender_id, request_hash, content, send_at, due_at)
       values ($1, $2, $3, $4, 'Ann’s later', now() + interval '1 day', now() + interval '1 day')`,
      [uuidv7(), id, ann.user.id, Buffer.alloc(16)],
    )

    const answer = await exportOf(ann.accessToken)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/zip')
    expect(answer.headers.get('content-disposition')).toContain('realchat-export.zip')
    const files = await unzip(await answer.arrayBuffer())
    expect([...files.keys()].sort()).toEqual(
      [
        ...['audit', 'blocks', 'conversations', 'devices', `messages/${id}`, `messages/${left}`],
        ...['notification-settings', 'personal-tokens', 'profile', 'scheduled', 'sessions'],
      ]
        .map((name) => `${name}.json`)
        .sort(),
    )
    expect(files.get('profile.json')).toMatchObject({ id: ann.user.id, username: ann.user.username })
    expect(files.get('sessions.json')).toMatchObject([{ id: ann.session.id }])
    expect(files.get('blocks.json')).toMatchObject([{ id: bob.user.id }])
    expect(files.get('conversations.json')).toMatchObject([{ id, name: 'Friends' }])
    expect(files.get(`messages/${id}.json`)).toMatchObject(
      [1, 2, 3].map((n) => ({ senderId: ann.user.id, content: `Ann’s ${n}` })),
    )
    expect(files.get(`messages/${left}.json`)).toMatchObject([{ content: 'Farewell' }])
    expect(files.get('scheduled.json')).toMatchObject([{ conversationId: id, content: 'Ann’s later' }])
    expect(files.get('audit.json')).toMatchObject([
      { action: 'user.export' },
      { action: 'user.block' },
      { action: 'auth.register' },
      { action: 'auth.sign_in', outcome: 'refused' },
    ])
  })

  it('does not say which administrator did something', async () => {
    const [ann, admin] = [await somebody(), await somebody()]
    await one.identity.admin.change(admin.actor, ann.user.id, { role: 'admin' }, '192.0.2.1')
    const files = await unzip(await (await exportOf(ann.accessToken)).arrayBuffer())
    const text = JSON.stringify(files.get('audit.json'))
    expect(text).toContain('admin.user_change')
    expect(text).not.toContain(admin.user.id)
    expect(text).not.toContain('192.0.2.1')
  })

  it('is for people signed in, twice an hour', async () => {
    const limited = await world.startNode(1)
    const { accessToken } = await somebody()
    const made = await limited.call('POST', '/auth/tokens', {
      token: accessToken,
      body: { name: 'program', scopes: ['profile'] },
    })
    const ask = (token: string) => limited.call('GET', '/users/me/export', { token })
    expect(await ask(made.body.token)).toMatchObject({ status: 403 })
    for (let n = 0; n < 2; n++) expect(await ask(accessToken)).toMatchObject({ status: 200 })
    const refused = await ask(accessToken)
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('bears with who goes away in the middle', async () => {
    const { accessToken } = await somebody()
    const stop = new AbortController()
    const answer = await exportOf(accessToken, stop.signal)
    stop.abort()
    await expect(answer.arrayBuffer()).rejects.toThrow()
    expect((await exportOf(accessToken)).status).toBe(200)
  })
})
