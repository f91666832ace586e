import type { Change } from '../../domain/change.ts'
import { DomainError, invalid } from '../../domain/errors.ts'
import type { ConversationId, Seq } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import type { Actor } from '../../domain/user.ts'
import type { CatchUp, History } from '../message/history.ts'
import type { SyncCursor, SyncStore } from './ports.ts'
import { SyncBudget } from './sync-budget.ts'

export interface SyncDeps {
  store: SyncStore
  history: Pick<History, 'catchUp'>
}

/** What was missed in one conversation; the cursor to come back with is what this reaches. */
export interface Synced extends SyncCursor {
  id: ConversationId
  /** Ascending, contiguous from the client's cursor. */
  messages: Message[]
  changes: Change[]
  /** Messages that the user hid meanwhile, or at the cursor's very rev; absent when there are none. */
  hidden?: Seq[]
  /** There is further to pull from here on. */
  more: boolean
  /** What the client has of it is of another history, to be discarded. */
  reset?: true
}

export interface SyncAnswer {
  conversations: (Synced | { id: ConversationId; removed: true })[]
  /** Ask again, with the cursors of this answer. */
  more: boolean
}

export const SYNC_CURSORS_MAX = 500
/** Conversations new to the client in one answer. */
const NEW_MAX = 20
/** Conversations read at once: their windows are one statement, and no more is read than an answer may hold. */
const PARALLEL = 10

/** What a client missed in all of its conversations; the service behind both doors. */
export class Sync {
  readonly #deps: SyncDeps

  constructor(deps: SyncDeps) {
    this.#deps = deps
  }

  /**
   * Answers every cursor: with what was missed, 200 messages and as many changes of a conversation at most; as it
   * was, when nothing was; with `more`, when it was not reached in this answer or could not be read now. Then
   * come conversations without a cursor, last active first.
   * @throws DomainError validation_failed, dependency_unavailable
   */
  async sync(actor: Actor, cursors: ReadonlyMap<ConversationId, SyncCursor>): Promise<SyncAnswer> {
    if (cursors.size > SYNC_CURSORS_MAX) {
      throw invalid('cursors', `at most ${SYNC_CURSORS_MAX} conversations at once`)
    }
    const known = [...cursors.keys()]
    const wanted = cursors.size < SYNC_CURSORS_MAX ? NEW_MAX + 1 : 0
    const [ends, others] = await Promise.all([
      this.#deps.store.ends(actor.userId, known),
      wanted > 0 ? this.#deps.store.others(actor.userId, known, wanted) : [],
    ])
    const budget = new SyncBudget()
    const jobs: (() => Promise<SyncAnswer['conversations'][number] | null>)[] = [...cursors].map(
      ([id, cursor]) => {
        const end = ends.get(id)
        if (!end) return async () => ({ id, removed: true })
        if (!end.hasHidden && isSame(end, cursor)) return async () => unchanged(id, cursor, false)
        return () => this.#missed(actor, id, cursor, budget)
      },
    )
    for (const id of others.slice(0, NEW_MAX)) jobs.push(() => this.#missed(actor, id, null, budget))
    const answers = await inParallel(jobs)
    const conversations = answers.filter((one) => one !== null)
    const isCut = others.length > NEW_MAX || conversations.length < answers.length
    return { conversations, more: isCut || conversations.some((one) => 'more' in one && one.more) }
  }

  /** Null for a conversation without a cursor that this answer does not reach. */
  async #missed(
    { userId }: Actor,
    id: ConversationId,
    cursor: SyncCursor | null,
    budget: SyncBudget,
  ): Promise<SyncAnswer['conversations'][number] | null> {
    const later = cursor && unchanged(id, cursor, true)
    if (budget.isSpent) return later
    try {
      const caughtUp = await this.#deps.history.catchUp(id, userId, cursor)
      if (budget.isSpent) return later
      return cursor && !caughtUp.isNewest ? next(id, cursor, caughtUp, budget) : anew(id, caughtUp, budget)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.code === 'not_found') return { id, removed: true }
      if (error.code === 'dependency_unavailable') return later
      throw error
    }
  }
}

function isSame(a: SyncCursor, b: SyncCursor): boolean {
  return a.seq === b.seq && a.rev === b.rev && a.epoch === b.epoch
}

function unchanged(id: ConversationId, { seq, rev, epoch }: SyncCursor, more: boolean): Synced {
  return { id, messages: [], changes: [], seq, rev, epoch, more }
}

/** From the cursor on, as far as the answer has room. */
function next(id: ConversationId, cursor: SyncCursor, caughtUp: CatchUp, budget: SyncBudget): Synced {
  const messages = budget.first(caughtUp.messages, (message) => message)
  const changes = budget.first(caughtUp.changes, ({ message }) => message)
  const isAll = messages.length === caughtUp.messages.length
  const areAll = changes.length === caughtUp.changes.length
  const { hidden } = caughtUp
  return {
    id,
    messages,
    changes,
    ...(hidden.length > 0 ? { hidden: [...hidden] } : {}),
    ...(caughtUp.reset ? { reset: true } : {}),
    seq: isAll ? caughtUp.seq : (messages.at(-1)?.seq ?? cursor.seq),
    rev: areAll ? caughtUp.rev : (changes.at(-1)?.rev ?? cursor.rev),
    epoch: caughtUp.standpoint.epoch,
    more: caughtUp.more || !isAll || !areAll,
  }
}

/** The newest there are, as many as the answer has room for: what is before them is history. */
function anew(id: ConversationId, caughtUp: CatchUp, budget: SyncBudget): Synced {
  const { seq, rev, standpoint, more, reset } = caughtUp
  const messages = budget.last(caughtUp.messages)
  const answer = { id, messages, changes: [], seq, rev, epoch: standpoint.epoch, more }
  return reset ? { ...answer, reset } : answer
}

/** In the order given, each begun when one of those before it has ended. */
async function inParallel<Result>(jobs: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results: Result[] = []
  const waiting = jobs.entries()
  const worker = async () => {
    for (const [index, job] of waiting) results[index] = await job()
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return results
}
