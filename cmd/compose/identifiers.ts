import type { Server } from 'node:http'
import type { ServiceIdentifier } from 'inversify'
import type pg from 'pg'
import type { Route } from '../../internal/api/http/route.ts'
import type { Live } from '../../internal/api/ws/live.ts'
import type { LivePublisher } from '../../internal/api/ws/live-publisher.ts'
import type { Config } from '../../internal/config/config.ts'
import type { Actor } from '../../internal/domain/user.ts'
import type { PostOffice } from '../../internal/notifier/courier/courier.ts'
import type { DeadLetterSource, EventConsumer } from '../../internal/notifier/ports.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import type { ErrorTracking } from '../../internal/platform/error-tracking.ts'
import type { Component } from '../../internal/platform/lifecycle.ts'
import type { Load } from '../../internal/platform/load.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import type { Metrics } from '../../internal/platform/metrics.ts'
import type { BatchingBus, RealtimeServer, TopicHub } from '../../internal/realtime/index.ts'
import type { Bus } from '../../internal/realtime/ports.ts'
import type { ArchiveWriter, EventPublisher, LogPartitions, RelayLog } from '../../internal/relay/ports.ts'
import type { Relay } from '../../internal/relay/relay.ts'
import type { PostgresConversations } from '../../internal/repository/postgres/conversation.ts'
import type { NodeLock } from '../../internal/repository/postgres/node-lock.ts'
import type { QueueReader } from '../../internal/service/admin/ports.ts'
import type { Conversations } from '../../internal/service/conversation/conversations.ts'
import type { RateLimiter } from '../../internal/service/limit/ports.ts'
import type { LiveStates } from '../../internal/service/live/ports.ts'
import type { AccessCache } from '../../internal/service/message/access-cache.ts'
import type { Appender } from '../../internal/service/message/appender.ts'
import type { Forwarding } from '../../internal/service/message/forwarding.ts'
import type { History } from '../../internal/service/message/history.ts'
import type { MessageChanges } from '../../internal/service/message/message-changes.ts'
import type { MessageLists } from '../../internal/service/message/message-lists.ts'
import type { Messages } from '../../internal/service/message/messages.ts'
import type { MemberNames, MessageArchive, MessageLog } from '../../internal/service/message/ports.ts'
import type { RetryQueue } from '../../internal/service/notification/ports.ts'
import type { ReadNotices } from '../../internal/service/notification/read-notices.ts'
import type { PresenceMembers, PresenceStore } from '../../internal/service/presence/ports.ts'
import type { Presence } from '../../internal/service/presence/presence.ts'
import type { PresenceSignals } from '../../internal/service/presence/signals.ts'
import type { PointerCommits } from '../../internal/service/receipt/pointers.ts'
import type { ReceiptHistory } from '../../internal/service/receipt/ports.ts'
import type { ReceiptJournal } from '../../internal/service/receipt/receipt-journal.ts'
import type { Receipts } from '../../internal/service/receipt/receipts.ts'
import type { ArchiveRemover } from '../../internal/service/retention/ports.ts'
import type { ScheduledSender } from '../../internal/service/scheduled/scheduled-sender.ts'
import type { Schedules } from '../../internal/service/scheduled/schedules.ts'
import type { SessionCache } from '../../internal/service/session/ports.ts'
import type { Sync } from '../../internal/service/sync/sync.ts'
import type { ConversationServices } from './conversation.ts'
import type { Dependency } from './dependency.ts'
import type { Identity } from './identity.ts'

function id<T>(name: string): ServiceIdentifier<T> {
  return Symbol(name)
}

/** What the container holds; each is a singleton of its process. */
export const ID = {
  config: id<Config>('Config'),
  logger: id<Logger>('Logger'),
  clock: id<Clock>('Clock'),
  metrics: id<Metrics>('Metrics'),
  tracking: id<ErrorTracking>('ErrorTracking'),

  /** Stores by address or embedded, with how to ask whether they are there and how to close them. */
  dependencies: id<Dependency[]>('Dependency[]'),
  databaseUrl: id<string>('DatabaseUrl'),
  pool: id<pg.Pool>('Pool'),
  logPool: id<pg.Pool>('LogPool'),
  nodeLock: id<NodeLock>('NodeLock'),
  archive: id<MessageArchive & ArchiveWriter>('MessageArchive'),
  receiptHistory: id<ReceiptHistory>('ReceiptHistory'),
  archiveRemover: id<ArchiveRemover>('ArchiveRemover'),
  bus: id<Bus>('Bus'),
  limiter: id<RateLimiter>('RateLimiter'),
  sessionCache: id<SessionCache>('SessionCache'),
  presenceStore: id<PresenceStore>('PresenceStore'),
  events: id<EventPublisher>('EventPublisher'),
  consumer: id<EventConsumer & DeadLetterSource>('EventConsumer'),
  queueReader: id<QueueReader>('QueueReader'),
  /** Long-lived parts of the queue's adapter. */
  queueComponents: id<Component[]>('QueueComponents'),

  courier: id<PostOffice>('PostOffice'),
  identity: id<Identity>('Identity'),
  messageLog: id<MessageLog>('MessageLog'),
  conversationStore: id<PostgresConversations>('PostgresConversations'),
  appender: id<Appender>('Appender'),
  pointerCommits: id<PointerCommits>('PointerCommits'),
  receiptJournal: id<ReceiptJournal>('ReceiptJournal'),
  receipts: id<Receipts>('Receipts'),
  sync: id<Sync>('Sync'),
  history: id<History>('History'),
  access: id<AccessCache>('AccessCache'),
  memberNames: id<MemberNames>('MemberNames'),
  messages: id<Messages>('Messages'),
  messageChanges: id<MessageChanges>('MessageChanges'),
  messageLists: id<MessageLists>('MessageLists'),
  forwarding: id<Forwarding>('Forwarding'),
  schedules: id<Schedules>('Schedules'),
  scheduledSender: id<ScheduledSender>('ScheduledSender'),
  conversations: id<Conversations>('Conversations'),
  conversationServices: id<ConversationServices>('ConversationServices'),
  readNotices: id<ReadNotices>('ReadNotices'),
  retryQueue: id<RetryQueue>('RetryQueue'),
  notifications: id<{ routes: Route[] }>('Notifications'),
  relayLog: id<RelayLog>('RelayLog'),
  logPartitions: id<LogPartitions>('LogPartitions'),
  relay: id<Relay>('Relay'),
  /** Unique over all processes that ever were. */
  nodeId: id<string>('NodeId'),
  presence: id<Presence>('Presence'),
  presenceMembers: id<PresenceMembers>('PresenceMembers'),
  presenceSignals: id<PresenceSignals>('PresenceSignals'),
  hub: id<TopicHub>('TopicHub'),
  load: id<Load>('Load'),
  /** Tells all nodes what happens. */
  live: id<LivePublisher>('LivePublisher'),
  /** What this node's sockets hear of it. */
  liveRooms: id<Live>('Live'),
  liveStates: id<LiveStates>('LiveStates'),
  batchingBus: id<BatchingBus>('BatchingBus'),
  /** Routes that need other features than identity. */
  accountRoutes: id<Route[]>('AccountRoutes'),
  accountComponents: id<Component[]>('AccountComponents'),
  httpServer: id<Server>('HttpServer'),
  realtime: id<RealtimeServer<Actor>>('RealtimeServer'),
}
