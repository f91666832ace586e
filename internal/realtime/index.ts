/** What is public; README.md says how to use it. Adapters of the bus need `ports.ts` alone. */
export { BatchingBus, type BatchingListener } from './batching.ts'
export { CLOSE, type CloseCode } from './close-codes.ts'
export type { JsonObject } from './codec.ts'
export { type BroadcastOptions, TopicHub } from './hub.ts'
export { nestsDeeperThan } from './json-depth.ts'
export type { BackPressure, Counters } from './limits.ts'
export { type Numbered, OrderedStream, type OrderedStreamOptions } from './ordered-stream.ts'
export { type Bus, type BusListener, SHARDS } from './ports.ts'
export { type Refusal, RefusalError, refusal, type ToRefusal } from './refusal.ts'
export { TopicRegistry } from './registry.ts'
export { RealtimeServer } from './server.ts'
export type { RealtimeServerOptions, SocketLimits } from './server-options.ts'
export {
  type Channel,
  type Connection,
  type EventDefinition,
  event,
  type JoinReply,
  type Schema,
  type TopicDefinition,
  type TopicDocument,
} from './topic.ts'
