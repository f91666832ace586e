import { z } from 'zod'
import { ERROR_CODES } from '../../domain/errors.ts'
import type { TopicDefinition, TopicDocument } from '../../realtime/index.ts'
import { type Json, JsonSchemas, zodOf } from '../json-schema.ts'
import { Parsing } from '../parsing.ts'
import { AsyncApiChannel } from './asyncapi-channel.ts'

/** Whatever its actor, params and state: documents call nothing. */
export type DocumentedTopic = Pick<
  TopicDefinition<never, unknown, unknown>,
  'name' | 'scope' | 'events' | 'document'
>

export interface AsyncApiDocument {
  asyncapi: '3.0.0'
  info: Json
  defaultContentType: 'application/json'
  servers: Json
  channels: Json
  operations: Json
  components: { schemas: Json; securitySchemes: Json }
}

const FRAMES = `Payloads travel in frames of Phoenix Channels, as text: \`[joinRef, ref, topic, event, payload]\`.
A message's name is the frame's event; topic is the channel's address. Answers are the event \`phx_reply\`.
docs/protocol.md has the rest: refs, refusals, closes, and what clients do.`

const refusalSchema = z
  .object({
    reason: z
      .string()
      .meta({ description: 'the code, but for "unmatched topic" and "too many channels joined"' }),
    code: z.enum(ERROR_CODES),
    message: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    retryAfterMs: z.int().optional(),
  })
  .meta({ id: 'Refusal' })

/**
 * AsyncAPI 3.0 of the sockets, from the registered topics alone.
 * @throws Error naming a topic or push that is registered and not described.
 */
export function asyncApiDocument(
  topics: readonly DocumentedTopic[],
  { publicUrl, version }: { publicUrl: string; version: string },
): AsyncApiDocument {
  const schemas = new JsonSchemas('draft-7')
  const channels = [...topics.map((topic) => channelOf(topic, schemas)), phoenixChannel(schemas)]
  return {
    asyncapi: '3.0.0',
    info: { title: 'RealChat sockets', version, description: FRAMES, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: { socket: serverOf(new URL(publicUrl)) },
    channels: Object.fromEntries(channels.map((channel) => [channel.name, channel.toJson()])),
    operations: Object.assign({}, ...channels.map(({ operations }) => operations)),
    components: {
      schemas: schemas.components,
      securitySchemes: {
        token: { type: 'httpApiKey', name: 'token', in: 'query', description: 'an access token' },
      },
    },
  }
}

function serverOf({ host, protocol, pathname }: URL): Json {
  return {
    host,
    pathname: `${pathname.replace(/\/$/, '')}/socket/websocket`,
    protocol: protocol === 'https:' ? 'wss' : 'ws',
    description: 'Phoenix Channels; `vsn` is 2.0.0 or 1.0.0',
    security: [{ $ref: '#/components/securitySchemes/token' }],
  }
}

function channelOf(topic: DocumentedTopic, schemas: JsonSchemas): AsyncApiChannel {
  const { name, scope, events, document } = topic
  if (!document) throw new Error(`The topic ${name} is not described.`)
  const channel = new AsyncApiChannel(name, document, schemas)
  const replyTo = (response: unknown) => okReply(zodOf(response))
  channel.push('phx_join', {
    summary: `Join ${document.address}`,
    payload: zodOf(document.join.payload),
    replies: [replyTo(document.join.reply), errorReply()],
    scope,
  })
  for (const [event, { schema, scope: needed }] of Object.entries(events)) {
    const { summary, reply } = described(document, name, event)
    const payload = schema instanceof Parsing ? zodOf(schema.shape) : z.object({})
    channel.push(event, { summary, payload, replies: [replyTo(reply), errorReply()], scope: needed })
  }
  channel.push('phx_leave', {
    summary: 'Leave; answered after what was pushed before, then phx_close follows',
    payload: z.object({}),
    replies: [okReply(z.object({}))],
    scope: undefined,
  })
  for (const [event, { summary, payload }] of Object.entries(document.sends)) {
    channel.send(event, summary, zodOf(payload))
  }
  channel.send('phx_close', 'The channel has ended; clients do not rejoin', z.object({}))
  channel.send(
    'phx_error',
    'The channel has ended; clients rejoin with their cursor',
    z.object({ reason: z.string() }),
  )
  return channel
}

function described(document: TopicDocument, topic: string, event: string): TopicDocument['pushes'][string] {
  const found = Object.hasOwn(document.pushes, event) ? document.pushes[event] : undefined
  if (!found) throw new Error(`The push ${event} of the topic ${topic} is not described.`)
  return found
}

/** What is not of any topic. */
function phoenixChannel(schemas: JsonSchemas): AsyncApiChannel {
  const channel = new AsyncApiChannel(
    'phoenix',
    { address: 'phoenix', summary: 'The socket itself; is not joined' },
    schemas,
  )
  channel.push('heartbeat', {
    summary: 'Keeps the socket open: nothing heard for 60 s closes it',
    payload: z.object({}),
    replies: [okReply(z.object({}))],
    scope: undefined,
  })
  channel.send(
    'system:drain',
    'The node stops: reconnect after this time; close 1012 follows',
    z.object({ retryAfterMs: z.int().min(0) }),
  )
  return channel
}

function okReply(response: z.ZodType): z.ZodType {
  return z.object({ status: z.literal('ok'), response })
}

function errorReply(): z.ZodType {
  return z.object({ status: z.literal('error'), response: refusalSchema })
}
