import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import type { ConversationId } from '../../internal/domain/ids.ts'
import type { Message } from '../../internal/domain/message.ts'
import type { Actor } from '../../internal/domain/user.ts'
import { PLAIN, type SendInput } from '../../internal/service/message/messages.ts'
import { groupOf } from '../../internal/testkit/conversation-world.ts'
import { MessageStores } from '../../internal/testkit/message-stores.ts'

// What the stores hold of a message, and how often they are asked for a page, with either archive behind the log.

describe.each(['PostgreSQL', 'Cassandra'] as const)('messages with an archive in %s', (kind) => {
  let stores: MessageStores
  let id: ConversationId
  let ann: Actor
  let bob: Actor
  let others: Actor[]

  beforeAll(async () => {
    stores = await MessageStores.start(kind)
    const roles = ['owner', ...Array.from({ length: 12 }, () => 'member' as const)] as const
    const group = await groupOf(stores.pool, roles)
    const [first, second, ...rest] = group.actors
    if (!first || !second) throw new Error('thirteen were asked for')
    ;[id, ann, bob, others] = [group.id, first, second, rest]
  })
  afterEach(() => void jest.restoreAllMocks())
  afterAll(() => stores.stop())

  const say = async (actor: Actor, content: string, more: Partial<SendInput> = {}): Promise<Message> =>
    (await stores.messages.send(actor, id, { ...PLAIN, content, ...more })).message
  const at = (actor: Actor, message: Message) => ({
    actor,
    conversationId: id,
    messageId: message.id,
    origin: null,
  })

  it.each(['before', 'after'])('hold nothing of what was deleted %s the archive had it', async (when) => {
    const secrets = ['the code is 0000', 'the code is 1111', 'the code is 2222']
    const message = await say(ann, `${secrets[0]} @all`)
    await stores.changes.edit(at(ann, message), secrets[1] ?? '', null)
    await stores.changes.react(at(bob, message), '🤫', true)
    await stores.changes.pin(at(ann, message), true)
    await stores.changes.edit(at(ann, message), secrets[2] ?? '', null)
    await say(bob, 'so that is it?', { replyTo: message.id })
    if (when === 'after') {
      await stores.archived(id)
      const held = await stores.dump()
      for (const secret of secrets) expect(held).toContain(secret)
    }
    await stores.changes.erase(at(ann, message))
    await stores.archived(id)
    // A relay that begins anew writes all of it again, and what it had read before the deletion, too.
    await stores.archive.write(stores.written.toReversed())
    expect(await stores.dump()).not.toContain('the code is')
    const { items } = await stores.messages.page(bob, id, { limit: 2 })
    expect(items).toMatchObject([
      { id: message.id, content: '', reactions: [], mentions: { all: false } },
      { replyTo: { id: message.id, excerpt: '' } },
    ])
    expect(await stores.archive.reactors(id, message.seq, '🤫', 10)).toEqual([])
  })

  it('take as many statements for a page of fifty as for one of ten', async () => {
    const old = await Promise.all(Array.from({ length: 50 }, (_, n) => say(bob, `old ${n}`)))
    const page: Message[] = []
    for (const { id: replyTo } of old) page.push(await say(ann, 'quoting it', { replyTo }))
    const reactors = [ann, ...others]
    for (const message of [...page.slice(0, 2), ...page.slice(-2)]) {
      for (const reactor of reactors) await stores.changes.react(at(reactor, message), '👍', true)
    }
    await stores.archived(id)
    const counted = [jest.spyOn(stores.pool, 'query')]
    const executed = stores.client && jest.spyOn(stores.client, 'execute')
    const statements = async (limit: number) => {
      for (const spy of [...counted, executed]) spy?.mockClear()
      const { items } = await stores.messages.page(bob, id, { limit })
      expect(items).toHaveLength(limit)
      expect(items.every(({ replyTo }) => replyTo?.excerpt.startsWith('old '))).toBe(true)
      expect(items.at(-1)?.reactions).toMatchObject([{ count: 12, mine: false }])
      return [...counted, executed].reduce((sum, spy) => sum + (spy?.mock.calls.length ?? 0), 0)
    }
    const ten = await statements(10)
    expect(await statements(50)).toBe(ten)
    expect(ten).toBeLessThanOrEqual(10)
  })

  it('tell the thirteenth of a dozen whether the reaction is theirs', async () => {
    const message = await say(ann, 'who else?')
    for (const reactor of [ann, ...others]) await stores.changes.react(at(reactor, message), '👍', true)
    const last = others.at(-1)
    if (!last) throw new Error('eleven others')
    const mine = async (actor: Actor) => (await stores.messages.get(actor, id, message.id)).reactions[0]?.mine
    expect([await mine(last), await mine(bob)]).toEqual([true, false])
    await stores.archived(id)
    expect([await mine(last), await mine(bob)]).toEqual([true, false])
    await stores.changes.react(at(last, message), '👍', false)
    expect(await mine(last)).toBe(false)
  })
})
