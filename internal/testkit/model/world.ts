import assert from 'node:assert/strict'
import { isChange } from '../../domain/change.ts'
import type { ClientId, ConversationId, UserId } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import { ModelArchive } from './archive.ts'
import { Device, readPage, runReader, runUser, type Surroundings } from './clients.ts'
import { ModelDatabase } from './database.ts'
import { assertArchive, assertErased, assertLog } from './invariants.ts'
import { ModelLanes } from './lanes.ts'
import { ModelNode, type Told } from './node.ts'
import { ModelQueue } from './queue.ts'
import { Random } from './random.ts'
import type { Rules } from './rules.ts'
import { Schedule } from './schedule.ts'
import { Truth } from './truth.ts'

export interface Faults {
  /** The archive forgets at crashes what it had acknowledged. */
  forgetting: boolean
}

const LANES = [0, 1]
const NODES = 2
const USERS = 3
const READERS = 2
/** In which followers that had failed have tried again. */
const REPLAYED_MS = 3000
const TURNS_MAX = 20_000

function uuid<Id extends string>(group: number, n: number, lane = 0): Id {
  const [first, last] = [group.toString(16).padStart(8, '0'), n.toString(16).padStart(11, '0')]
  return `${first}-0000-7000-8000-${last}${lane.toString(16)}` as Id
}

/** One run of the model: everything in it follows from the seed. */
export class World implements Surroundings {
  readonly random: Random
  readonly truth: Truth
  readonly conversations: readonly ConversationId[]
  readonly acknowledged: Message[] = []
  readonly #schedule: Schedule
  readonly #rules: Rules
  readonly #faults: Faults
  readonly #db: ModelDatabase
  readonly #lanes: ModelLanes
  readonly #archive: ModelArchive
  readonly #queue: ModelQueue
  #nodes: ModelNode[] = []
  #operations = 0
  #nodesMade = 0
  #failure: unknown = null

  constructor(seed: number, rules: Rules, faults: Faults) {
    this.random = new Random(seed)
    this.#schedule = new Schedule(this.random)
    this.#rules = rules
    this.#faults = faults
    this.#db = new ModelDatabase(rules, this.#schedule)
    this.#lanes = new ModelLanes(LANES, this.#schedule.nowMs)
    this.#archive = new ModelArchive(rules, this.#schedule)
    this.#queue = new ModelQueue(this.#schedule)
    this.truth = new Truth(this.#db.committed)
    this.conversations = [0, 0, this.random.below(2)].map((lane, n) => uuid<ConversationId>(1, n, lane))
    for (const id of this.conversations) this.#db.addConversation(id)
  }

  /** @throws AssertionError that says what went wrong. */
  async run(): Promise<void> {
    this.#schedule.install()
    try {
      for (let n = 0; n < NODES; n++) this.#addNode()
      const clients = this.#clients()
      for (let turn = 0; turn < TURNS_MAX && clients.size > 0; turn++) {
        if (turn === 400) this.#heal()
        await this.#step()
      }
      assert.equal(clients.size, 0, 'clients are never answered')
      await this.#comeToRest()
      await this.#assertAll()
    } finally {
      Schedule.uninstall()
    }
  }

  async node(): Promise<ModelNode> {
    for (;;) {
      await this.#schedule.turn()
      const alive = this.#nodes.filter(({ isAlive }) => isAlive)
      if (alive.length > 0) return this.random.pick(alive)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  newOperationId(): ClientId {
    return uuid<ClientId>(2, this.#operations++)
  }

  #clients(): Set<Promise<void>> {
    const clients = new Set<Promise<void>>()
    const add = (run: Promise<void>) => {
      const done = run
        .catch((error: unknown) => {
          this.#failure ??= error
        })
        .finally(() => clients.delete(done))
      clients.add(done)
    }
    for (let n = 0; n < USERS; n++) add(runUser(uuid<UserId>(3 + n, n), 2 + this.random.below(5), this))
    for (let n = 0; n < READERS; n++) add(runReader(uuid<UserId>(9, n), 2 + this.random.below(5), this))
    return clients
  }

  #addNode(): void {
    const told: Told = {
      created: (message) => this.#check(() => this.truth.assertMessage(message)),
      changed: ({ conversationId, headSeq, rev, message }) =>
        this.#check(() => {
          const record = this.truth.rows(conversationId)[headSeq + rev - 1]
          assert.ok(
            record && isChange(record) && record.rev === rev,
            `change ${rev} is told out of its place`,
          )
          this.truth.assertMessage(message)
        }),
    }
    const stores = { db: this.#db, lanes: this.#lanes, archive: this.#archive, queue: this.#queue }
    const aliveKeys = () => this.#nodes.filter(({ isAlive }) => isAlive).map(({ lock }) => lock)
    const newOperationId = () => this.newOperationId()
    const node = new ModelNode(`node ${++this.#nodesMade}`, stores, aliveKeys, newOperationId, told)
    this.#nodes = [...this.#nodes.filter(({ isAlive }) => isAlive), node]
    node.start()
  }

  #check(assertion: () => void): void {
    try {
      assertion()
    } catch (error) {
      this.#failure ??= error
    }
  }

  /** Somebody goes on, time passes, or something breaks. */
  async #step(): Promise<void> {
    const { random } = this
    if (this.#db.isFaulty && random.chance(0.06)) this.#disturb()
    else if (!this.#schedule.resumeOne() || random.chance(0.08)) this.#schedule.fireNext()
    await this.#schedule.settle()
    if (this.#failure) throw this.#failure
  }

  #disturb(): void {
    const { random } = this
    const acts: (() => void)[] = [
      () => this.#schedule.jump(random.pick([500, 3000, 15_000, 70_000])),
      () => this.#schedule.jump(random.pick([500, 3000, 15_000, 70_000])),
      () => this.#archive.arriveLate(false),
      () => this.#db.terminate(),
      () => {
        this.#db.terminate()
        this.#lanes.crash()
        for (const node of this.#nodes) node.renewLock()
      },
      () => this.#killNode(),
      () => this.#setArchiveDown(!this.#archive.isDown),
    ]
    random.pick(acts)()
  }

  #killNode(): void {
    const alive = this.#nodes.filter(({ isAlive }) => isAlive)
    if (alive.length < NODES) this.#addNode()
    else this.random.pick(alive).kill()
  }

  /** Nodes notice that it went, and that it came back. */
  #setArchiveDown(isDown: boolean): void {
    if (this.#archive.isDown === isDown) return
    if (isDown && this.#faults.forgetting) this.#archive.crash()
    this.#archive.isDown = isDown
    if (this.#rules.replay) for (const { relay } of this.#nodes) relay.archive.replay()
  }

  /** From here on nothing breaks any more. */
  #heal(): void {
    this.#setArchiveDown(false)
    for (const store of [this.#db, this.#archive, this.#queue]) store.isFaulty = false
    while (this.#nodes.filter(({ isAlive }) => isAlive).length < NODES) this.#addNode()
  }

  async #comeToRest(): Promise<void> {
    this.#heal()
    this.#archive.arriveLate(this.random.chance(0.5))
    const until = this.#schedule.nowMs + REPLAYED_MS
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      if (!this.#schedule.resumeOne()) {
        if (this.#isDone() && this.#schedule.nowMs > until) break
        this.#schedule.fireNext()
      }
      await this.#schedule.settle()
      if (this.#failure) throw this.#failure
    }
    assert.ok(this.#isDone(), 'the followers do not come to an end')
    this.#archive.arriveLate(true)
  }

  #isDone(): boolean {
    return LANES.every((lane) =>
      (['archive', 'events'] as const).every(
        (follower) => this.#db.laneRows(lane, this.#lanes.lane(follower, lane).cursor).length === 0,
      ),
    )
  }

  async #assertAll(): Promise<void> {
    for (const id of this.conversations) {
      assertLog(this.truth, id)
      assertErased(this.#db, this.truth, id)
      await this.#finish(assertArchive(this.#archive, this.truth, id))
      for (const record of this.truth.rows(id)) {
        if (!isChange(record))
          assert.ok(this.#queue.published.has(`${id}:1:s${record.seq}`), 'an event is lost')
      }
      await this.#finish(this.#assertReaders(id))
    }
  }

  /** With the log forgotten as far as it may be: the archive alone bears what is left. */
  async #assertReaders(id: ConversationId): Promise<void> {
    const user = uuid<UserId>(9, 9)
    const node = await this.node()
    this.#dropLog(id)
    await readPage(node, id, user, this)
    const device = new Device(id, user, this)
    while ((await device.catchUp(node)).more);
    device.assertCurrent()
  }

  #dropLog(id: ConversationId): void {
    const kept = (this.#db.rows.get(id) ?? []).filter(
      (row) => !this.#lanes.isBehind(row.lane, this.#db.placeOf(row)),
    )
    this.#db.rows.set(id, kept)
  }

  /** Gives everybody turns until the work is done. */
  async #finish(work: Promise<void>): Promise<void> {
    let isOver = false
    const done = work.finally(() => {
      isOver = true
    })
    done.catch(() => {})
    for (let turn = 0; turn < TURNS_MAX && !isOver; turn++) {
      if (!this.#schedule.resumeOne()) this.#schedule.fireNext()
      await this.#schedule.settle()
    }
    await done
  }
}
