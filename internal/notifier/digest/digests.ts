import { DomainError } from '../../domain/errors.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import { type Carrier, type Letter, Undelivered } from '../courier/ports.ts'
import { retryDelay } from '../ladder.ts'
import { DIGEST_PASS, type RecipientReader, type TraceRecord, type TraceWriter } from '../ports.ts'
import { untilAvailable } from '../until-available.ts'
import { digestLetter } from './digest-letter.ts'
import type { DigestItem, DigestQueue, TakenDigest, UnreadReader, UnsubscribeTokens } from './ports.ts'
import { type Selected, select, type Told } from './select.ts'

export interface DigestDeps {
  queue: DigestQueue
  unread: UnreadReader
  recipients: RecipientReader
  tokens: UnsubscribeTokens
  traces: TraceWriter
  carrier: Carrier
  clock: Clock
  logger: Logger
  publicUrl: string
  /** Told what became of each, for metrics; never throws. */
  observe: (outcome: DigestOutcome) => void
}

export type DigestOutcome = 'sent' | 'empty' | 'failed' | 'retry' | 'unknown'

/** Taken without a word for so long, it is anybody's: no send takes half as long. */
const LEASE_MS = 120_000
const AT_ONCE = 8
const PAGE = 500
const RETURN_MS = 10_000

/** From digests that are due to mails: take, look what is still unread, word it, claim, send, settle. */
export class Digests {
  readonly #deps: DigestDeps

  constructor(deps: DigestDeps) {
    this.#deps = deps
  }

  /** Works off what is due, a few at once; true when there may be more. @throws DomainError. */
  async step(signal: AbortSignal): Promise<boolean> {
    const { queue, clock } = this.#deps
    const taken = await queue.take(clock.now(), LEASE_MS, AT_ONCE)
    await Promise.all(taken.map((digest) => this.#work(digest, signal)))
    return taken.length === AT_ONCE
  }

  /** Never rejects: what cannot even be settled comes again when its lease ends. */
  async #work(digest: TakenDigest, signal: AbortSignal): Promise<void> {
    const { logger } = this.#deps
    try {
      const mail = await this.#prepare(digest).catch((error: unknown) => this.#unprepared(digest, error))
      if (mail) await this.#send(digest, mail, signal)
    } catch (error) {
      logger.warn({ err: error, digest: digest.id }, 'a digest waits for its lease to end')
    }
  }

  /** The mail that is to go; null when there is none, and the digest is settled. */
  async #prepare(digest: TakenDigest): Promise<Mail | null> {
    const { queue, unread, clock, observe } = this.#deps
    const selected = await this.#select(digest)
    const told = selected.filter((each): each is Told => 'message' in each)
    await this.#trace(digest, selected.flatMap(droppedOf))
    const [first] = told
    if (!first) {
      await queue.settle(digest, { kind: 'empty', reason: null }, clock.now())
      observe('empty')
      return null
    }
    const to = await unread.address(digest.userId)
    const hopeless = digest.lost && digest.repeated ? 'delivery_unknown' : faultOf(to)
    if (hopeless !== null || !to) {
      await this.#giveUp(digest, told, hopeless ?? 'no_address', null)
      return null
    }
    return { told, address: to.address, letter: await this.#letter(digest, told, first) }
  }

  /** Nothing was sent: at once again when a dependency is away, else up the ladder. */
  async #unprepared(digest: TakenDigest, error: unknown): Promise<null> {
    const { logger, queue, clock } = this.#deps
    logger.warn({ err: error, digest: digest.id }, 'a digest could not be prepared')
    const nowMs = clock.now()
    if (error instanceof DomainError && error.code === 'dependency_unavailable') {
      await queue.settle(digest, { kind: 'returned', turnMs: nowMs + RETURN_MS }, nowMs)
    } else await this.#climb(digest, [], { reason: 'internal', unknown: false })
    return null
  }

  async #select({ id, userId }: TakenDigest): Promise<Selected[]> {
    const { queue, clock } = this.#deps
    const selected: Selected[] = []
    for (let page: DigestItem[] = [], after: DigestItem | null = null; ; after = page.at(-1) ?? null) {
      page = await queue.items(id, after, PAGE)
      selected.push(...(await select(userId, page, clock.now(), this.#deps)))
      if (page.length < PAGE) return selected
    }
  }

  async #letter({ id, userId }: TakenDigest, told: readonly Told[], first: Told): Promise<Letter> {
    const { tokens, publicUrl } = this.#deps
    const unsubscribeUrl = `${publicUrl}/api/v1/unsubscribe/${await tokens.tokenFor(userId)}`
    return digestLetter(told, first.recipient.settings, { id, publicUrl, unsubscribeUrl })
  }

  async #send(digest: TakenDigest, { told, address, letter }: Mail, signal: AbortSignal): Promise<void> {
    const { carrier, queue, clock, observe, logger } = this.#deps
    const nowMs = clock.now()
    if (signal.aborted) return queue.settle(digest, { kind: 'returned', turnMs: nowMs }, nowMs)
    if (!(await queue.begin(digest, nowMs + LEASE_MS))) return
    try {
      await carrier.carry(digest.userId, address, letter)
    } catch (error) {
      return this.#failed(digest, told, error, address)
    }
    observe('sent')
    // What is not recorded is sent once more, so that it is worth some patience.
    const patience = { signal: AbortSignal.timeout(LEASE_MS / 2), logger }
    await untilAvailable(() => queue.settle(digest, { kind: 'sent', reason: null }, clock.now()), patience)
    await this.#trace(
      digest,
      told.map(({ item, reason }) => ({ item, outcome: 'sent', reason })),
    )
  }

  async #failed(digest: TakenDigest, told: readonly Told[], error: unknown, address: string): Promise<void> {
    const { logger } = this.#deps
    const failure = error instanceof Undelivered ? error.failure : ({ kind: 'unknown' } as const)
    const about = { err: error, digest: digest.id, userId: digest.userId, attempt: digest.attempt }
    if (failure.kind === 'refused') {
      logger.warn(about, 'a mail was refused')
      return this.#giveUp(digest, told, 'mail_refused', failure.noSuchAddress ? address : null)
    }
    if (failure.kind === 'retry' && failure.misconfigured) {
      logger.error(about, 'the mail server refuses us, for a reason that an operator has to mend')
    } else logger.warn(about, 'a mail was not sent')
    const unknown = failure.kind === 'unknown'
    if (unknown && (digest.lost || digest.repeated)) {
      return this.#giveUp(digest, told, 'delivery_unknown', null)
    }
    return this.#climb(digest, told, { reason: reasonOf(error), unknown })
  }

  /** Again later; given up at the ladder's end. */
  async #climb(
    digest: TakenDigest,
    told: readonly Told[],
    { reason, unknown }: { reason: string; unknown: boolean },
  ): Promise<void> {
    const { queue, clock, observe } = this.#deps
    const delayMs = retryDelay(digest.attempt, null)
    if (delayMs === null) return this.#giveUp(digest, told, 'mail_failed', null)
    const turnMs = clock.now() + delayMs
    await queue.settle(digest, { kind: 'waiting', reason, turnMs, repeated: unknown }, clock.now())
    observe(unknown ? 'unknown' : 'retry')
  }

  async #giveUp(
    digest: TakenDigest,
    told: readonly Told[],
    reason: string,
    refusedAddress: string | null,
  ): Promise<void> {
    const { queue, clock, observe } = this.#deps
    await queue.settle(digest, { kind: 'failed', reason, refusedAddress }, clock.now())
    observe('failed')
    await this.#trace(
      digest,
      told.map(({ item }) => ({ item, outcome: 'none', reason })),
    )
  }

  /** The last word about mail, for each message. */
  async #trace({ userId }: TakenDigest, words: readonly Word[]): Promise<void> {
    const atMs = this.#deps.clock.now()
    const records = words.map(({ item, outcome, reason }): TraceRecord => {
      const { day, eventId, conversationId, seq } = item
      const entries = [{ channel: 'email' as const, device: null, outcome, reason }]
      const users = [{ userId, entries }]
      return { day, eventId, pass: DIGEST_PASS, kind: 'message', conversationId, seq, atMs, users }
    })
    if (records.length > 0) await this.#deps.traces.record(records)
  }
}

interface Mail {
  told: readonly Told[]
  address: string
  letter: Letter
}

interface Word {
  item: DigestItem
  outcome: 'sent' | 'none'
  reason: string
}

function droppedOf(selected: Selected): Word[] {
  return 'dropped' in selected ? [{ item: selected.item, outcome: 'none', reason: selected.dropped }] : []
}

function faultOf(to: { bounces: boolean } | null): string | null {
  if (!to) return 'no_address'
  return to.bounces ? 'address_bounces' : null
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 150)
}
