import { createHash } from 'node:crypto'
import { isPromise } from 'node:util/types'
import { DomainError, invalid, notFound } from '../../domain/errors.ts'
import {
  type ClientId,
  type ConversationId,
  type MessageId,
  type Seq,
  seqOfMessageId,
} from '../../domain/ids.ts'
import { messageOf, payloadOf, previewOf } from '../../domain/log-entry.ts'
import type { Message, MessageBody, ReplyPreview } from '../../domain/message.ts'
import { excerpt, textFault } from '../../domain/text.ts'
import type { Actor } from '../../domain/user.ts'
import type { LiveEvents } from '../live/ports.ts'
import type { Pointers } from '../receipt/pointers.ts'
import { type AccessCache, sendRefusal } from './access-cache.ts'
import type { Appender } from './appender.ts'
import { type History, type MessagePage, type PageQuery, pageOf, rangeOf } from './history.ts'
import type { AppendItem, RelayWaker, SendAccess } from './ports.ts'
import type { Appended } from './pump.ts'

export interface SendInput {
  clientId: ClientId | null
  type: 'text'
  content: string
  replyTo: MessageId | null
}

export interface Sent {
  message: Message
  duplicate: boolean
}

export interface MessagesDeps {
  access: AccessCache
  appender: Appender
  history: History
  live: LiveEvents
  pointers: Pointers
  relay: RelayWaker
  newOperationId(): ClientId
}

const EXCERPT_MAX = 140
const PREVIEW_MAX = 200

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
    actor: Actor,
    conversationId: ConversationId,
    input: SendInput,
    originConnection: string | null,
  ): Promise<Sent> {
    const fault = textFault(input.content)
    if (fault) throw invalid('content', `content ${fault}`)
    const operationId = input.clientId ?? this.#deps.newOperationId()
    let item: AppendItem | null = null
    const appended = await this.#deps.appender.append({
      conversationId,
      prepare: (reload) => {
        const access = this.#deps.access.get(conversationId, actor.userId, reload)
        const quote = input.replyTo && this.#quote(actor, conversationId, input.replyTo)
        const complete = (found: SendAccess, replyTo: ReplyPreview | null) => {
          const refusal = sendRefusal(found)
          if (refusal) throw refusal
          item = itemOf({ actor, conversationId, operationId, input, replyTo }, found.memberVersion)
          return item
        }
        if (isPromise(access) || quote) {
          return Promise.all([access, quote]).then(([found, replyTo]) => complete(found, replyTo))
        }
        return complete(access, null)
      },
    })
    return this.#settle(actor, appended, item, originConnection)
  }

  async #settle(
    actor: Actor,
    appended: Appended,
    item: AppendItem | null,
    originConnection: string | null,
  ): Promise<Sent> {
    if (!item) throw new Error('appended without an item')
    if (appended.status === 'mismatch') {
      throw new DomainError('idempotency_mismatch', 'This clientId was used for another message.')
    }
    const { conversationId } = item
    const { seq, ordinal } = appended
    const duplicate = appended.status === 'duplicate'
    // The node that committed it may have died before it told anybody; who has heard of it passes it over.
    const message = duplicate
      ? await this.#at(actor, conversationId, seq)
      : messageOf({ ...item, ...appended, rev: 0 })
    this.#deps.live.messageCreated(message, item.memberVersion, originConnection)
    this.#deps.pointers.moveRead({ conversationId, userId: actor.userId, seq, ordinal })
    this.#deps.relay.wake(conversationId)
    return { message, duplicate }
  }

  /** @throws DomainError not_found for those who are not members. */
  async page(actor: Actor, conversationId: ConversationId, query: PageQuery): Promise<MessagePage> {
    return pageOf(await this.#deps.history.read(conversationId, actor.userId, rangeOf(query)))
  }

  /** @throws DomainError not_found when there is none that the actor may see. */
  async get(actor: Actor, conversationId: ConversationId, messageId: MessageId): Promise<Message> {
    const seq = seqOfMessageId(messageId)
    const message = seq === null ? null : await this.#at(actor, conversationId, seq)
    if (message?.id !== messageId) throw notFound('message')
    return message
  }

  async #at(actor: Actor, conversationId: ConversationId, seq: Seq): Promise<Message> {
    const range = { anchor: 'after', seq: seq - 1, limit: 1 } as const
    const { messages } = await this.#deps.history.read(conversationId, actor.userId, range)
    const [message] = messages
    if (message?.seq !== seq) throw notFound('message')
    return message
  }

  async #quote(actor: Actor, conversationId: ConversationId, id: MessageId): Promise<ReplyPreview> {
    const quoted = await this.get(actor, conversationId, id)
    return { id, seq: quoted.seq, senderId: quoted.senderId, excerpt: excerpt(quoted.content, EXCERPT_MAX) }
  }
}

interface Prepared {
  actor: Actor
  conversationId: ConversationId
  operationId: ClientId
  input: SendInput
  replyTo: ReplyPreview | null
}

function itemOf(
  { actor, conversationId, operationId, input, replyTo }: Prepared,
  memberVersion: number,
): AppendItem {
  const body: MessageBody = {
    clientId: input.clientId,
    type: input.type,
    content: input.content,
    replyTo,
    threadRootId: null,
    mentions: { userIds: [], all: false },
    system: null,
  }
  const payload = payloadOf(body)
  const cut = excerpt(input.content, PREVIEW_MAX)
  return {
    conversationId,
    senderId: actor.userId,
    operationId,
    bodyHash: hashOf(input),
    memberVersion,
    counts: true,
    payload,
    preview: previewOf({
      senderId: actor.userId,
      operationId,
      payload: cut === input.content ? payload : payloadOf({ ...body, content: cut }),
    }),
  }
}

/** Compared after validation and without clientId. */
function hashOf({ type, content, replyTo }: SendInput): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([type, content, replyTo]))
    .digest()
    .subarray(0, 16)
}
