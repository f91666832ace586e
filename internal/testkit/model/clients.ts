import assert from 'node:assert/strict'
import { DomainError } from '../../domain/errors.ts'
import type { ClientId, ConversationId, MessageId, SessionId, UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import type { Actor } from '../../domain/user.ts'
import { PLAIN } from '../../service/message/messages.ts'
import type { ModelNode } from './node.ts'
import type { Random } from './random.ts'
import { type Truth, viewOf } from './truth.ts'

/** What clients see of the world. */
export interface Surroundings {
  random: Random
  truth: Truth
  conversations: readonly ConversationId[]
  /** Any that lives; waits for one. */
  node(): Promise<ModelNode>
  newOperationId(): ClientId
  /** Messages whose sends were acknowledged. */
  acknowledged: Message[]
}

const EMOJIS = ['a', 'b'] as const

/** A user who does one thing after another, each again, elsewhere, until it is answered. */
export async function runUser(user: UserId, acts: number, world: Surroundings): Promise<void> {
  const actor: Actor = { userId: user, sessionId: '' as SessionId, scopes: new Set() }
  for (let n = 0; n < acts; n++) {
    const target = world.acknowledged[world.random.below(world.acknowledged.length)]
    if (!target || world.random.chance(0.4)) await send(actor, `${user.slice(0, 8)} ${n}`, world)
    else await change(actor, target, n, world)
  }
}

async function send(actor: Actor, content: string, world: Surroundings): Promise<void> {
  const conversationId = world.random.pick(world.conversations)
  const clientId = world.newOperationId()
  const sent = await answered(world, ({ messages }) =>
    messages.send(actor, conversationId, { ...PLAIN, clientId, content }),
  )
  const { message } = sent ?? assert.fail('a send was refused')
  const stored = world.truth.entry(conversationId, message.seq)
  assert.equal(stored?.operationId, clientId, `the acknowledged ${content} is not at seq ${message.seq}`)
  world.acknowledged.push(message)
}

async function change(actor: Actor, { id, conversationId, seq }: Message, n: number, world: Surroundings) {
  const { random, truth } = world
  const target = { actor, conversationId, messageId: id as MessageId, origin: null }
  const isMine = truth.entry(conversationId, seq)?.senderId === actor.userId
  const kind = random.pick(
    isMine ? ['edit', 'edit', 'react', 'react', 'pin', 'erase'] : ['react', 'react', 'pin'],
  )
  if (kind === 'react') {
    const [emoji, added] = [random.pick(EMOJIS), random.chance(0.6)]
    const done = await answered(world, ({ changes }) => changes.react(target, emoji, added))
    if (!done || truth.isDeleted(conversationId, seq)) return
    const isThere = truth.hasReacted(conversationId, seq, emoji, actor.userId)
    assert.equal(isThere, added, `an acknowledged reaction to ${seq} is lost`)
  } else if (kind === 'edit') {
    const content = `edit ${actor.userId.slice(0, 8)} ${n}`
    const done = await answered(world, ({ changes }) => changes.edit(target, content, null))
    if (!done || truth.isDeleted(conversationId, seq)) return
    assert.equal(truth.view(conversationId, seq).content, content, `an acknowledged edit of ${seq} is lost`)
  } else if (kind === 'pin') {
    await answered(world, ({ changes }) => changes.pin(target, random.chance(0.7)))
  } else {
    await answered(world, ({ changes }) => changes.erase(target))
    assert.ok(truth.isDeleted(conversationId, seq), `an acknowledged deletion of ${seq} is lost`)
  }
}

/** Null when it was refused for good. */
async function answered<Result>(
  world: Surroundings,
  act: (node: ModelNode) => Promise<Result>,
): Promise<Result | null> {
  for (;;) {
    const node = await world.node()
    try {
      return await Promise.race([act(node), node.death])
    } catch (error) {
      if (!node.isAlive) continue
      if (!(error instanceof DomainError)) throw error
      if (error.code === 'conflict') return null
      if (error.code !== 'dependency_unavailable' && error.code !== 'overloaded') throw error
    }
  }
}

/** Reads as a client, or a node, does: pages now and then, and what was missed since last time. */
export async function runReader(user: UserId, looks: number, world: Surroundings): Promise<void> {
  const conversationId = world.random.pick(world.conversations)
  const device = new Device(conversationId, user, world)
  let live = { seq: 0, rev: 0 }
  for (let n = 0; n < looks; n++) {
    const node = await world.node()
    const kind = world.random.pick(['page', 'catch-up', 'follow'])
    try {
      if (kind === 'page') await Promise.race([readPage(node, conversationId, user, world), node.death])
      else if (kind === 'catch-up') await Promise.race([device.catchUp(node), node.death])
      else live = await Promise.race([follow(node, conversationId, live, world), node.death])
    } catch (error) {
      if (!node.isAlive) continue
      if (!(error instanceof DomainError) || error.code !== 'dependency_unavailable') throw error
    }
  }
}

/** A page of the newest: all that was committed before it was asked for, as it was then or later. */
export async function readPage(
  node: ModelNode,
  conversationId: ConversationId,
  user: UserId,
  { random, truth }: Pick<Surroundings, 'random' | 'truth'>,
): Promise<Message[]> {
  const before = truth.rows(conversationId).length
  const known = truth.rows(conversationId).slice(0, before)
  const messagesBefore = known.filter((record) => !('kind' in record)).length
  const revs = new Map<number, number>()
  for (const record of known) if ('kind' in record) revs.set(record.targetSeq, record.rev)
  const limit = random.pick([3, 50])
  const asked = { anchor: 'before', seq: Number.MAX_SAFE_INTEGER, limit } as const
  const { window, messages } = await node.pages.read(conversationId, user, asked)
  assert.ok(window.to >= messagesBefore, `a page ends at ${window.to}, before ${messagesBefore}`)
  const seqs = messages.map(({ seq }) => seq)
  const wanted = Array.from({ length: window.to - window.from + 1 }, (_, n) => window.from + n)
  assert.deepEqual(seqs, wanted, 'a page lacks committed messages')
  for (const message of messages) {
    truth.assertMessage(message)
    const rev = revs.get(message.seq) ?? 0
    assert.ok(message.rev >= rev, `message ${message.seq} is shown at rev ${message.rev}, before ${rev}`)
  }
  return messages
}

/** What a node heals its sockets from: rows numbered by seq + rev, in the order of commits. */
async function follow(
  node: ModelNode,
  conversationId: ConversationId,
  after: { seq: number; rev: number },
  { truth }: Surroundings,
): Promise<{ seq: number; rev: number }> {
  const known = truth.rows(conversationId).length
  const { entries } = await node.history.following(conversationId, after)
  assert.ok(after.seq + after.rev + entries.length >= known, 'a committed row is not followed')
  let { seq, rev } = after
  for (const row of entries) {
    const record = truth.rows(conversationId)[row.n - 1]
    if ('message' in row) {
      seq++
      assert.ok(record && !('kind' in record) && record.seq === seq, `row ${row.n} is not message ${seq}`)
      assert.equal(row.message.seq, seq)
      truth.assertMessage(row.message)
    } else {
      rev++
      assert.ok(record && 'kind' in record && record.rev === rev, `row ${row.n} is not change ${rev}`)
      assert.equal(row.change.rev, rev)
    }
  }
  return { seq, rev }
}

/** A client that keeps what it has and asks for what it missed. */
export class Device {
  readonly #conversationId: ConversationId
  readonly #user: UserId
  readonly #truth: Truth
  readonly #messages = new Map<number, Message>()
  #cursor = { seq: 0, rev: 0 }

  constructor(conversationId: ConversationId, user: UserId, { truth }: Pick<Surroundings, 'truth'>) {
    this.#conversationId = conversationId
    this.#user = user
    this.#truth = truth
  }

  async catchUp(node: ModelNode): Promise<{ more: boolean }> {
    const cursor = { ...this.#cursor, epoch: 'model.1' }
    const missed = await node.history.catchUp(this.#conversationId, this.#user, cursor)
    assert.equal(missed.reset, false, 'a cursor is taken for one of another history')
    assert.ok(missed.seq >= cursor.seq && missed.rev >= cursor.rev, 'a cursor goes back')
    const changed = missed.changes.map(({ message }) => message)
    for (const message of [...missed.messages, ...changed]) {
      if (!message) continue
      this.#truth.assertMessage(message)
      const known = this.#messages.get(message.seq)
      if (!known || known.rev <= message.rev) this.#messages.set(message.seq, message)
    }
    this.#cursor = { seq: missed.seq, rev: missed.rev }
    this.#assertComplete()
    return { more: missed.more }
  }

  /** What it has is what there is. */
  assertCurrent(): void {
    for (const [seq, message] of this.#messages) {
      assert.deepEqual(
        viewOf(message),
        this.#truth.view(this.#conversationId, seq),
        `a client's ${seq} is old`,
      )
    }
  }

  /** Nothing below the cursor is missing or older than the cursor says. */
  #assertComplete(): void {
    const { seq: upTo, rev } = this.#cursor
    for (let seq = 1; seq <= upTo; seq++) {
      const known = this.#messages.get(seq)
      assert.ok(known, `the cursor ${upTo} passed message ${seq}`)
      const wanted = this.#truth.revOf(this.#conversationId, seq, rev)
      assert.ok(known.rev >= wanted, `the cursor's rev ${rev} passed change ${wanted} of message ${seq}`)
    }
  }
}
