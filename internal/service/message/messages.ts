import { hash } from 'node:crypto'
import { isPromise } from 'node:util/types'
import { DomainError, invalid } from '../../domain/errors.ts'
import type { ClientId, ConversationId, MessageId, Rev, Seq } from '../../domain/ids.ts'
import { bodyWith, messageOf, payloadOf, previewOf } from '../../domain/log-entry.ts'
import type { Message, MessageBody, ReplyPreview } from '../../domain/message.ts'
import { excerpt, textFault } from '../../domain/text.ts'
import type { Actor } from '../../domain/user.ts'
import type { LiveEvents } from '../live/ports.ts'
import { type AccessCache, sendRefusal } from './access-cache.ts'
import type { Appender } from './appender.ts'
import type { History } from './history.ts'
import { type MentionsInput, type Named, NO_MENTIONS, namedIn, namesNobody } from './mention-names.ts'
import { type MessagePage, type PageQuery, pageOf, rangeOf } from './message-page.ts'
import { EXCERPT_MAX, seqOf } from './message-reader.ts'
import type { AppendItem, MemberNames, RelayWaker, SendAccess } from './ports.ts'
import type { Appended } from './pump.ts'

export interface SendInput {
  clientId: ClientId | null
  type: 'text'
  content: string
  replyTo: MessageId | null
  threadRootId: MessageId | null
  mentions: MentionsInput | null
}

/** A send of nothing but text. */
export const PLAIN = {
  clientId: null,
  type: 'text',
  replyTo: null,
  threadRootId: null,
  mentions: null,
} as const

/** How a message came to be sent, where that is not by its sender writing it now. */
export interface SendOrigin {
  /** The socket that has the reply and must not hear of it again. */
  connection?: string | null
  forwardedFrom?: MessageId
  /** Goes out at its time, whether or not the sender is there: it reads nothing. */
  isScheduled?: boolean
}

/** Whoever sends may not be there any more when it goes out. */
type Sender = Pick<Actor, 'userId'>

export interface Sent {
  message: Message
  duplicate: boolean
}

export interface MessagesDeps {
  access: AccessCache
  appender: Appender
  history: History
  names: MemberNames
  live: LiveEvents
  relay: RelayWaker
  newOperationId(): ClientId
}

/** A quoted message, and the conversation's rev at which it was read. */
interface Quote {
  preview: ReplyPreview
  rev: Rev
}

interface Prepared {
  item: AppendItem
  /** The item's payload. */
  body: MessageBody
  quote: Quote | null
}

/** What a send needs to know of other messages and members. */
interface Surroundings {
  quote: Quote | null
  rootSeq: Seq | null
  named: Named
}

const ALONE: Surroundings = { quote: null, rootSeq: null, named: { mentions: NO_MENTIONS, told: [] } }

/** Sending and reading; the service behind both doors, REST and socket. */
export class Messages {
  readonly #deps: MessagesDeps

  constructor(deps: MessagesDeps) {
    this.#deps = deps
  }

  /**
   * Commits a message, then tells everybody. Calls made in one tick for one conversation take effect in the
   * order made. The same clientId with the same input answers the first result.
   * @throws DomainError validation_failed, not_found, forbidden, blocked, idempotency_mismatch, overloaded,
   *   dependency_unavailable (stored or not: repeat it under the same clientId)
   */
  async send(
    actor: Sender,
    conversationId: ConversationId,
    input: SendInput,
    origin: SendOrigin = {},
  ): Promise<Sent> {
    const fault = textFault(input.content)
    if (fault) throw invalid('content', `content ${fault}`)
    const draft: Draft = {
      actor,
      conversationId,
      operationId: input.clientId ?? this.#deps.newOperationId(),
      input,
      origin,
    }
    let prepared: Prepared | null = null
    const appended = await this.#deps.appender.append({
      conversationId,
      prepare: (reload) => {
        const complete = (access: SendAccess, around: Surroundings) => {
          prepared = { ...itemOf(draft, access, around), quote: around.quote }
          return prepared.item
        }
        const access = this.#deps.access.get(conversationId, actor.userId, reload)
        if (!isPromise(access) && isAlone(input)) return complete(allowed(access), ALONE)
        return Promise.resolve(access).then(async (found) =>
          complete(allowed(found), await this.#surroundings(draft, found)),
        )
      },
    })
    if (!prepared) throw new Error('appended without an item')
    return this.#settle(draft, appended, prepared)
  }

  async #settle(draft: Draft, appended: Appended, { item, body, quote }: Prepared): Promise<Sent> {
    const { actor, origin } = draft
    if (appended.status === 'mismatch') {
      throw new DomainError('idempotency_mismatch', 'This clientId was used for another message.')
    }
    const { conversationId } = item
    const message = messageOf({ ...item, ...appended, state: null }, 0, body)
    if (quote) message.replyTo = await this.#asQuoted(draft, quote, appended.rev)
    const duplicate = appended.status === 'duplicate'
    const current = duplicate ? await this.#at(actor, conversationId, appended.seq, message) : message
    // The node that committed it may have died before it told anybody; who has heard of it passes it over. What
    // was changed since then is told by the log.
    if (current.rev === appended.rev) {
      this.#deps.live.messageCreated(message, item.memberVersion, origin.connection ?? null)
    }
    this.#deps.relay.wake(conversationId)
    return { message: current, duplicate }
  }

  /** Refuses what a send would refuse now. @throws DomainError as `send`. */
  async check(actor: Actor, conversationId: ConversationId, input: SendInput): Promise<void> {
    const fault = textFault(input.content)
    if (fault) throw invalid('content', `content ${fault}`)
    const access = allowed(await this.#deps.access.get(conversationId, actor.userId, true))
    const operationId = this.#deps.newOperationId()
    await this.#surroundings({ actor, conversationId, operationId, input, origin: {} }, access)
  }

  /** @throws DomainError not_found for those who are not members. */
  async page(actor: Actor, conversationId: ConversationId, query: PageQuery): Promise<MessagePage> {
    return pageOf(await this.#deps.history.read(conversationId, actor.userId, rangeOf(query)))
  }

  /** @throws DomainError not_found when there is none that the actor may see. */
  async get(actor: Sender, conversationId: ConversationId, messageId: MessageId): Promise<Message> {
    return (await this.#deps.history.one(conversationId, actor.userId, messageId)).message
  }

  /** As it is now; as it was sent, when it has disappeared or its sender has hidden it since. */
  async #at(actor: Sender, conversationId: ConversationId, seq: Seq, sent: Message): Promise<Message> {
    const [found] = await this.#deps.history.some(conversationId, actor.userId, [seq])
    return found ?? sent
  }

  async #surroundings(draft: Draft, access: SendAccess): Promise<Surroundings> {
    const { actor, conversationId, input, origin } = draft
    const isForwarded = origin.forwardedFrom !== undefined
    const sender = { conversationId, senderId: actor.userId, isGroup: access.kind === 'group' }
    const [quote, rootSeq, named] = await Promise.all([
      input.replyTo ? this.#quote(draft, input.replyTo) : null,
      input.threadRootId && this.#root(draft, input.threadRootId),
      // Who was called in another conversation is not called in this one.
      isForwarded ? ALONE.named : namedIn(this.#deps.names, sender, input.content, input.mentions),
    ])
    return { quote, rootSeq: rootSeq || null, named }
  }

  async #quote({ actor, conversationId }: Draft, id: MessageId): Promise<Quote> {
    const { message, window } = await this.#deps.history.one(conversationId, actor.userId, id)
    const { seq, senderId, content } = message
    return { preview: { id, seq, senderId, excerpt: excerpt(content, EXCERPT_MAX) }, rev: window.rev }
  }

  /** Read once more when something was changed in between: what was erased is not to be shown in a quote. */
  async #asQuoted(draft: Draft, { preview, rev }: Quote, rowRev: Rev): Promise<ReplyPreview> {
    if (rowRev <= rev) return preview
    return this.#quote(draft, preview.id).then(
      (again) => again.preview,
      () => ({ ...preview, excerpt: '' }),
    )
  }

  async #root({ actor, conversationId }: Draft, id: MessageId): Promise<Seq> {
    const root = await this.get(actor, conversationId, id)
    if (root.threadRootId) throw invalid('threadRootId', 'is itself a reply in a thread')
    if (root.type === 'system') throw invalid('threadRootId', 'is a system message')
    return seqOf(id)
  }
}

interface Draft {
  actor: Sender
  conversationId: ConversationId
  operationId: ClientId
  input: SendInput
  origin: SendOrigin
}

function isAlone(input: SendInput): boolean {
  return !input.replyTo && !input.threadRootId && namesNobody(input.content, input.mentions)
}

function allowed(access: SendAccess): SendAccess {
  const refusal = sendRefusal(access)
  if (refusal) throw refusal
  return access
}

function itemOf(
  draft: Draft,
  access: SendAccess,
  { quote, rootSeq, named }: Surroundings,
): { item: AppendItem; body: MessageBody } {
  const { actor, conversationId, operationId, input, origin } = draft
  const body = bodyWith({
    clientId: input.clientId,
    type: input.type,
    content: input.content,
    replyTo: quote && placeOf(quote.preview),
    threadRootId: input.threadRootId,
    mentions: named.mentions,
    forwardedFrom: origin.forwardedFrom ?? null,
    ttl: access.messageTtl,
  })
  const payload = payloadOf(body)
  const item = {
    conversationId,
    senderId: actor.userId,
    operationId,
    bodyHash: hashOf(input, origin),
    memberVersion: access.memberVersion,
    counts: true,
    reads: !origin.isScheduled,
    rootSeq,
    mentions: named.told,
    payload,
    preview: previewOf({ senderId: actor.userId, operationId, payload }, null, body),
  }
  return { item, body }
}

function placeOf({ id, seq, senderId }: ReplyPreview): Omit<ReplyPreview, 'excerpt'> {
  return { id, seq, senderId }
}

/** Compared after validation and without clientId; of what is forwarded, which it is and not how it reads by now. */
function hashOf(input: SendInput, { forwardedFrom }: SendOrigin): Buffer {
  const { type, replyTo, threadRootId, mentions } = input
  const content = forwardedFrom === undefined ? input.content : ''
  const body = JSON.stringify([type, content, replyTo, threadRootId, mentions, forwardedFrom])
  return hash('sha256', body, 'buffer').subarray(0, 16)
}
