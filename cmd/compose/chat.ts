import type { Container } from 'inversify'
import { Live } from '../../internal/api/ws/live.ts'
import { LivePublisher } from '../../internal/api/ws/live-publisher.ts'
import { uuidv7 } from '../../internal/domain/ids.ts'
import { BatchingBus, TopicHub } from '../../internal/realtime/index.ts'
import { Relay } from '../../internal/relay/relay.ts'
import { PostgresConversations } from '../../internal/repository/postgres/conversation.ts'
import { PostgresLiveStates } from '../../internal/repository/postgres/live-states.ts'
import { PostgresLogPartitions } from '../../internal/repository/postgres/log-partitions.ts'
import { PostgresMessageLog } from '../../internal/repository/postgres/message-log.ts'
import { PostgresPresenceMembers } from '../../internal/repository/postgres/presence-members.ts'
import { PostgresRelayLog } from '../../internal/repository/postgres/relay-log.ts'
import { Appender } from '../../internal/service/message/appender.ts'
import { History } from '../../internal/service/message/history.ts'
import { Presence } from '../../internal/service/presence/presence.ts'
import { PresenceSignals } from '../../internal/service/presence/signals.ts'
import { composeConversations } from './conversation.ts'
import { ID } from './identifiers.ts'
import { bindMessages } from './messages.ts'
import { bindReceipts } from './receipts.ts'
import { bindSync } from './sync.ts'

/** Binds conversations, messages, their log with its relay, and live delivery. */
export function bindChat(container: Container): void {
  bindLog(container)
  bindPresence(container)
  bindLive(container)
  bindMessages(container)
  bindServices(container)
  bindReceipts(container)
  bindSync(container)
}

function bindLog(container: Container): void {
  container
    .bind(ID.messageLog)
    .toResolvedValue((pool) => new PostgresMessageLog(pool), [ID.logPool])
    .inSingletonScope()
  container
    .bind(ID.conversationStore)
    .toResolvedValue((pool) => new PostgresConversations(pool), [ID.logPool])
    .inSingletonScope()
  container
    .bind(ID.appender)
    .toResolvedValue((log) => new Appender(log), [ID.messageLog])
    .inSingletonScope()
  container
    .bind(ID.history)
    .toResolvedValue((log, archive) => new History(log, archive), [ID.messageLog, ID.archive])
    .inSingletonScope()
  container
    .bind(ID.relayLog)
    .toResolvedValue((pool, node) => new PostgresRelayLog(pool, node), [ID.logPool, ID.nodeLock])
    .inSingletonScope()
  container
    .bind(ID.logPartitions)
    .toResolvedValue((url) => new PostgresLogPartitions(url), [ID.databaseUrl])
    .inSingletonScope()
  container
    .bind(ID.relay)
    .toResolvedValue(
      (log, archive, events, logger) =>
        new Relay({
          log,
          archive,
          events,
          onError: (follower, error) => logger.warn({ err: error, follower }, 'relay'),
          onProcessed: () => {},
        }),
      [ID.relayLog, ID.archive, ID.events, ID.logger],
    )
    .inSingletonScope()
}

/** Who is online, and who is told. */
function bindPresence(container: Container): void {
  container
    .bind(ID.presence)
    .toResolvedValue(
      (store, node, logger) =>
        new Presence({
          store,
          node,
          onError: (error) => logger.warn({ err: error }, 'presence'),
          // Both know each other: what is noticed is told, and looked at once more before it is.
          onOnline: (userId) => container.get(ID.presenceSignals).online(userId),
          onOffline: (userId) => container.get(ID.presenceSignals).offline(userId),
        }),
      [ID.presenceStore, ID.nodeId, ID.logger],
    )
    .inSingletonScope()
  container
    .bind(ID.presenceMembers)
    .toResolvedValue((pool) => new PostgresPresenceMembers(pool), [ID.logPool])
    .inSingletonScope()
  container
    .bind(ID.presenceSignals)
    .toResolvedValue(
      (presence, members, live, clock, logger) =>
        new PresenceSignals({
          isOnline: (userIds) => presence.isOnline(userIds),
          members,
          tell: (signal) => live.presence(signal),
          onError: (error) => logger.warn({ err: error }, 'presence'),
          now: clock.now,
        }),
      [ID.presence, ID.presenceMembers, ID.live, ID.clock, ID.logger],
    )
    .inSingletonScope()
}

function bindLive(container: Container): void {
  container.bind(ID.hub).toConstantValue(new TopicHub())
  container.bind(ID.nodeId).toConstantValue(uuidv7())
  container
    .bind(ID.liveStates)
    .toResolvedValue((pool) => new PostgresLiveStates(pool), [ID.logPool])
    .inSingletonScope()
  container
    .bind(ID.liveRooms)
    .toResolvedValue(
      (hub, history, relay, states, presence, members, { blocks }, clock, logger) =>
        new Live({
          hub,
          history,
          relay,
          states,
          presence: {
            members,
            blocks,
            isOnline: (userIds) => presence.isOnline(userIds),
            now: clock.now,
          },
          // Conversations tell live delivery what happens, which asks them who may hear it.
          directory: {
            membersAmong: (id, userIds) => container.get(ID.conversations).membersAmong(id, userIds),
            viewsFor: (id, userIds) => container.get(ID.conversations).viewsFor(id, userIds),
          },
          onError: (error) => logger.warn({ err: error }, 'live delivery'),
        }),
      [
        ID.hub,
        ID.history,
        ID.relay,
        ID.liveStates,
        ID.presence,
        ID.presenceMembers,
        ID.identity,
        ID.clock,
        ID.logger,
      ],
    )
    .inSingletonScope()
  container
    .bind(ID.batchingBus)
    .toResolvedValue(
      (bus, live, logger) =>
        new BatchingBus({
          bus,
          listener: live,
          onError: (error) => logger.warn({ err: error }, 'bus'),
        }),
      [ID.bus, ID.liveRooms, ID.logger],
    )
    .inSingletonScope()
  container
    .bind(ID.live)
    .toResolvedValue(
      (bus) => new LivePublisher((shard, entry) => bus.publish(shard, entry)),
      [ID.batchingBus],
    )
    .inSingletonScope()
}

function bindServices(container: Container): void {
  container
    .bind(ID.conversationServices)
    .toResolvedValue(
      (pool, { users, audit }, live, relay, clock, { http: { publicUrl } }) =>
        composeConversations({ pool, users, live, relay, audit, clock, publicUrl }),
      [ID.logPool, ID.identity, ID.live, ID.relay, ID.clock, ID.config],
    )
    .inSingletonScope()
  container
    .bind(ID.conversations)
    .toResolvedValue(({ conversations }) => conversations, [ID.conversationServices])
    .inSingletonScope()
}
