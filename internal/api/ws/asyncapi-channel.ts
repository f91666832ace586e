import type { z } from 'zod'
import type { TopicDocument } from '../../realtime/index.ts'
import type { Json, JsonSchemas } from '../json-schema.ts'

export interface PushDescription {
  summary: string
  payload: z.ZodType
  /** What answers it, each a payload of `phx_reply`. */
  replies: readonly z.ZodType[]
  scope: string | undefined
}

/** A channel of an AsyncAPI document with its operations, said from the server's side as AsyncAPI asks. */
export class AsyncApiChannel {
  readonly name: string
  readonly operations: Json = {}
  readonly #about: Pick<TopicDocument, 'address' | 'summary' | 'parameters'>
  readonly #schemas: JsonSchemas
  readonly #messages: Json = {}

  constructor(
    name: string,
    about: Pick<TopicDocument, 'address' | 'summary' | 'parameters'>,
    schemas: JsonSchemas,
  ) {
    this.name = name
    this.#about = about
    this.#schemas = schemas
  }

  /** Clients push it. */
  push(event: string, { summary, payload, replies, scope }: PushDescription): void {
    const key = keyOf(event)
    const answers = replies.map((reply, n) => {
      const answer = n === 0 ? 'answered' : 'refused'
      return this.#message(`${key}.${answer}`, { event: 'phx_reply', summary: `${event}: ${answer}` }, reply)
    })
    this.operations[`${this.name}.push.${key}`] = {
      action: 'receive',
      channel: this.#ref,
      summary,
      ...(scope !== undefined && { 'x-scope': scope }),
      messages: [this.#message(`${key}.push`, { event, summary }, payload)],
      reply: { channel: this.#ref, messages: answers },
    }
  }

  /** The server sends it, unasked. */
  send(event: string, summary: string, payload: z.ZodType): void {
    const key = keyOf(event)
    this.operations[`${this.name}.send.${key}`] = {
      action: 'send',
      channel: this.#ref,
      summary,
      messages: [this.#message(`${key}.send`, { event, summary }, payload)],
    }
  }

  toJson(): Json {
    const { address, summary, parameters } = this.#about
    const described = Object.entries(parameters ?? {}).map(([name, description]) => [name, { description }])
    return {
      address,
      summary,
      ...(described.length > 0 && { parameters: Object.fromEntries(described) }),
      messages: this.#messages,
    }
  }

  get #ref(): Json {
    return { $ref: `#/channels/${this.name}` }
  }

  #message(key: string, { event, summary }: { event: string; summary: string }, payload: z.ZodType): Json {
    this.#messages[key] = { name: event, summary, payload: this.#schemas.of(payload) }
    return { $ref: `#/channels/${this.name}/messages/${key}` }
  }
}

/** AsyncAPI's ids have no colons. */
function keyOf(event: string): string {
  return event.replaceAll(':', '.')
}
