import { appliedChangeOf, type ChangeEntry, type ChangeKind, changePayloadOf } from '../../domain/change.ts'
import { DomainError, invalid, notFound } from '../../domain/errors.ts'
import type { ClientId, ConversationId, MessageId, Rev, Seq, UserId } from '../../domain/ids.ts'
import {
  blankPayload,
  expiryOf,
  type LogEntry,
  messageOf,
  numberedState,
  previewOf,
} from '../../domain/log-entry.ts'
import type { Message, MessageState, ReactionSummary } from '../../domain/message.ts'
import { can } from '../../domain/permission.ts'
import { textFault } from '../../domain/text.ts'
import type { Actor } from '../../domain/user.ts'
import type { LiveEvents } from '../live/ports.ts'
import type { AccessCache } from './access-cache.ts'
import { sendRefusal } from './access-cache.ts'
import type { History } from './history.ts'
import { type MentionsInput, NO_MENTIONS, namedIn } from './mention-names.ts'
import type { MemberNames, MessageLog, RelayWaker, RoleReader, SendAccess } from './ports.ts'
import { withoutReaction, withReaction } from './reactions.ts'
import { Turns } from './turns.ts'

export interface MessageChangesDeps {
  access: AccessCache
  members: RoleReader
  names: MemberNames
  history: History
  log: MessageLog
  live: LiveEvents
  relay: RelayWaker
  newOperationId(): ClientId
}

/** A message as it was looked at, with who looks. */
interface Looked {
  entry: LogEntry
  /** As the actor sees it. */
  message: Message
  /** The conversation's rev at which it was read. */
  rev: Rev
  access: SendAccess
}

/** What the actor makes of it. */
interface Draft {
  kind: ChangeKind
  state: MessageState
  emoji?: string
  added?: boolean
  told?: (UserId | null)[]
}

interface Target {
  actor: Actor
  conversationId: ConversationId
  messageId: MessageId
  /** The socket that has the reply and must not hear of it again. */
  origin: string | null
}

/** Each time somebody else was quicker the message is looked at anew. */
const ATTEMPTS_MAX = 20
const UNUSED_HASH = Buffer.alloc(16)
const UNCHANGED: MessageState = { rev: 0, edit: null, deletion: null, pinned: false, reactions: [] }

/** Edits, deletions, reactions and pins: behind both doors, decided under the conversation's lock. */
export class MessageChanges {
  readonly #deps: MessageChangesDeps
  /** Changes of one message by this node go one after another, so that they do not fail on each other. */
  readonly #turns = new Turns()

  constructor(deps: MessageChangesDeps) {
    this.#deps = deps
  }

  /**
   * Changes the text of one's own message; the texts before stay readable. The same text again changes nothing.
   * @throws DomainError validation_failed, not_found, forbidden, blocked, conflict (it was deleted)
   */
  async edit(target: Target, content: string, given: MentionsInput | null): Promise<Message> {
    const fault = textFault(content)
    if (fault) throw invalid('content', `content ${fault}`)
    const { actor, conversationId } = target
    return this.#change(target, async ({ message, access }) => {
      if (message.senderId !== actor.userId) throw new DomainError('forbidden', 'This is not your message.')
      if (access.isBlocked) throw new DomainError('blocked', 'You cannot write to this user.')
      if (message.content === content && given === null) return null
      const sender = { conversationId, senderId: actor.userId, isGroup: access.kind === 'group' }
      const { mentions, told } = await namedIn(this.#deps.names, sender, content, given)
      return { kind: 'edit', state: { ...UNCHANGED, edit: { content, mentions, at: 0 } }, told }
    })
  }

  /**
   * Erases it for everybody; nothing brings it back. Again changes nothing.
   * @throws DomainError not_found, forbidden
   */
  async erase(target: Target): Promise<Message> {
    const { actor } = target
    return this.#change(target, async ({ message, access }) => {
      if (message.deletedAt) return null
      if (message.senderId !== actor.userId) await this.#mayErase(target, access, message.senderId)
      return { kind: 'delete', state: { ...UNCHANGED, deletion: { by: actor.userId, at: 0 } } }
    })
  }

  /** @throws DomainError not_found, forbidden, blocked, conflict (deleted, or too many different ones) */
  async react(target: Target, emoji: string, added: boolean): Promise<ReactionSummary[]> {
    const { actor, conversationId } = target
    const message = await this.#change(target, async ({ entry, message: seen, access }) => {
      const refusal = sendRefusal(access)
      if (refusal) throw refusal
      const reactions = entry.state?.reactions ?? []
      const mine = seen.reactions.some((reaction) => reaction.emoji === emoji && reaction.mine)
      if (mine === added) return null
      const next = added
        ? withReaction(reactions, emoji, actor.userId)
        : await withoutReaction(reactions, emoji, actor.userId, (limit) =>
            this.#deps.history.reactors(conversationId, entry.seq, emoji, limit),
          )
      return { kind: 'reaction', state: { ...UNCHANGED, reactions: next }, emoji, added }
    })
    return message.reactions
  }

  /** @throws DomainError not_found, forbidden, blocked, conflict (deleted, or too many pins) */
  async pin(target: Target, pinned: boolean): Promise<Message> {
    return this.#change(target, async ({ message, access }) => {
      if (access.isBlocked) throw new DomainError('blocked', 'You cannot write to this user.')
      if (!can(access, 'message.pin')) throw new DomainError('forbidden', 'Moderators pin here.')
      if (message.pinned === pinned) return null
      return { kind: 'pin', state: { ...UNCHANGED, pinned }, added: pinned }
    })
  }

  /** Hides it from the actor alone, on all their devices. Again is no error. @throws DomainError not_found. */
  async hide({ actor, conversationId, messageId, origin }: Target): Promise<void> {
    const { history, log, live } = this.#deps
    const seq = await history.placeOf(conversationId, actor.userId, messageId)
    live.messageHidden(await log.hide({ userId: actor.userId, conversationId, messageId, seq }), origin)
  }

  /**
   * Erases a message whose author's account is being deleted, whoever is a member by now; in its author's name.
   * Again, or where there is none, changes nothing.
   */
  async eraseAuthored(conversationId: ConversationId, authorId: UserId, seq: Seq): Promise<void> {
    const { history, log } = this.#deps
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const head = (await log.heads([conversationId])).get(conversationId)
      const entry = head && (await history.row(conversationId, seq))
      if (!entry || entry.senderId !== authorId || entry.state?.deletion) return
      const state = { ...UNCHANGED, deletion: { by: authorId, at: 0 } }
      const { memberVersion, rev } = head
      const change = { kind: 'delete', state } as const
      const done = await this.#commit(
        { conversationId, actorId: authorId, entry, rev, memberVersion },
        change,
      )
      if (typeof done !== 'string') {
        this.#tell(done.entry, { ...entry, state: done.state }, messageOf(entry), memberVersion, null)
        return
      }
    }
    throw new DomainError('overloaded', 'The message is changing too fast.')
  }

  /** In turn; answers the message as the actor sees it afterwards. */
  #change(target: Target, decide: (looked: Looked) => Promise<Draft | null>): Promise<Message> {
    return this.#turns.take(target.messageId, () => this.#attempt(target, decide))
  }

  async #attempt(target: Target, decide: (looked: Looked) => Promise<Draft | null>): Promise<Message> {
    const { actor, conversationId, messageId, origin } = target
    let reload = false
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const access = await this.#deps.access.get(conversationId, actor.userId, reload)
      const { entry, message, window } = await this.#deps.history.one(conversationId, actor.userId, messageId)
      if (message.type === 'system') throw new DomainError('forbidden', 'System messages stay as they are.')
      const draft = await refusable(decide({ entry, message, rev: window.rev, access }))
      if (draft instanceof DomainError) {
        // By what is remembered of the member that is no refusal yet: the log checks only what reaches it.
        if (reload || draft.code !== 'forbidden') throw draft
        reload = true
        continue
      }
      if (!draft) return message
      if (message.deletedAt) throw new DomainError('conflict', 'The message was deleted.')
      const { memberVersion } = access
      const looked = { conversationId, actorId: actor.userId, entry, rev: window.rev, memberVersion }
      const done = await this.#commit(looked, draft)
      if (typeof done === 'string') {
        reload = done === 'stale'
        continue
      }
      const changed = { ...entry, state: done.state }
      this.#tell(done.entry, changed, message, memberVersion, origin)
      return seenBy(message, changed, draft)
    }
    throw new DomainError('overloaded', 'The message is changing too fast.', { retryAfterMs: 1000 })
  }

  /** One try; the reason when it has to be looked at again. */
  async #commit(
    looked: {
      conversationId: ConversationId
      actorId: UserId
      entry: LogEntry
      rev: Rev
      memberVersion: number
    },
    draft: Draft,
  ): Promise<{ entry: ChangeEntry; state: MessageState } | 'stale' | 'changed'> {
    const { conversationId, actorId, entry, rev, memberVersion } = looked
    const { kind, added = true } = draft
    const state = kind === 'delete' ? draft.state : merged(entry.state ?? UNCHANGED, draft)
    const blank = kind === 'delete' ? blankPayload(entry.payload) : null
    const { id: messageId } = messageOf(entry)
    const body = {
      messageId,
      authorId: entry.senderId,
      era: entry.era,
      emoji: draft.emoji ?? null,
      added,
      blank,
      expires: expiryOf(entry),
    }
    const payload = changePayloadOf(body, state)
    const operationId = this.#deps.newOperationId()
    const outcome = await this.#deps.log.change({
      conversationId,
      senderId: actorId,
      operationId,
      bodyHash: UNUSED_HASH,
      memberVersion,
      kind,
      targetSeq: entry.seq,
      baseRev: rev,
      payload,
      preview: previewOf({ ...entry, payload: blank ?? entry.payload }, state),
      blank,
      mentions: draft.told ?? [],
      authorId: entry.senderId,
      pinned: added,
    })
    switch (outcome.status) {
      case 'gone':
        throw notFound('conversation')
      case 'full':
        if (await this.#forgetPins(conversationId)) return 'changed'
        throw new DomainError('conflict', 'There are too many pinned messages.')
      case 'stale':
      case 'changed':
        return outcome.status
      default: {
        const place = { rev: outcome.rev, headSeq: outcome.headSeq, stamp: outcome.stamp, era: outcome.era }
        const row = { kind, conversationId, targetSeq: entry.seq, senderId: actorId, operationId, payload }
        return { entry: { ...row, ...place }, state: numberedState(state, outcome.rev, outcome.stamp) }
      }
    }
  }

  /** What has disappeared cannot be unpinned any more: true when that made room. */
  async #forgetPins(conversationId: ConversationId): Promise<boolean> {
    const { history, log } = this.#deps
    const gone = await history.gone(conversationId, await log.pins(conversationId))
    if (gone.length > 0) await log.forgetPins(conversationId, gone)
    return gone.length > 0
  }

  #tell(
    change: ChangeEntry,
    changed: LogEntry,
    { threadCount, replyTo }: Message,
    memberVersion: number,
    origin: string | null,
  ): void {
    const message = { ...messageOf(changed, threadCount), ...(changed.state?.deletion ? {} : { replyTo }) }
    this.#deps.live.messageChanged(appliedChangeOf(change, message), memberVersion, origin)
    this.#deps.relay.wake(change.conversationId)
  }

  async #mayErase({ conversationId }: Target, access: SendAccess, authorId: UserId): Promise<void> {
    const role = await this.#deps.members.roleOf(conversationId, authorId)
    // Whoever left has no rank any more.
    if (can(access, 'message.delete-others', role ?? 'member')) return
    throw new DomainError('forbidden', 'You cannot delete this message for everybody.')
  }
}

function refusable<Result>(work: Promise<Result>): Promise<Result | DomainError> {
  return work.catch((error: unknown) => {
    if (error instanceof DomainError) return error
    throw error
  })
}

/** The draft's own part of the state; all else stays. */
function merged(state: MessageState, { kind, state: drafted }: Draft): MessageState {
  if (kind === 'edit') return { ...state, edit: drafted.edit ?? state.edit }
  if (kind === 'reaction') return { ...state, reactions: drafted.reactions }
  return { ...state, pinned: drafted.pinned }
}

function seenBy(before: Message, changed: LogEntry, { emoji, added }: Draft): Message {
  const message = messageOf(changed, before.threadCount)
  if (!message.deletedAt) message.replyTo = before.replyTo
  const own = new Map(before.reactions.map((reaction) => [reaction.emoji, reaction.mine ?? false]))
  if (emoji !== undefined) own.set(emoji, added ?? false)
  for (const reaction of message.reactions) reaction.mine = own.get(reaction.emoji) ?? false
  if (message.deletedAt) message.mentions = NO_MENTIONS
  return message
}
