import type { Container } from 'inversify'
import { Live } from '../../internal/api/ws/live.ts'
import { type ConversationId, newOperationId, uuidv7 } from '../../internal/domain/ids.ts'
import { BatchingBus } from '../../internal/realtime/batching.ts'
import { TopicHub } from '../../internal/realtime/hub.ts'
import { Relay } from '../../internal/relay/relay.ts'
import { PostgresConversations } from '../../internal/repository/postgres/conversation.ts'
import { PostgresLogPartitions } from '../../internal/repository/postgres/log-partitions.ts'
import { PostgresMessageLog } from '../../internal/repository/postgres/message-log.ts'
import { PostgresRelayLog } from '../../internal/repository/postgres/relay-log.ts'
import { Conversations } from '../../internal/service/conversation/conversations.ts'
import { AccessCache } from '../../internal/service/message/access-cache.ts'
import { Appender } from '../../internal/service/message/appender.ts'
import { History } from '../../internal/service/message/history.ts'
import { Messages } from '../../internal/service/message/messages.ts'
import { Presence } from '../../internal/service/presence/presence.ts'
import { Pointers } from '../../internal/service/receipt/pointers.ts'
import { ID } from './identifiers.ts'

/** Binds conversations, messages, their log with its relay, and live delivery. */
export function bindChat(container: Container): void {
  bindLog(container)
  bindLive(container)
  bindServices(container)
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

function bindLive(container: Container): void {
  container.bind(ID.hub).toConstantValue(new TopicHub())
  container.bind(ID.nodeId).toConstantValue(uuidv7())
  container
    .bind(ID.presence)
    .toResolvedValue(
      (store, node, logger) =>
        new Presence({ store, node, onError: (error) => logger.warn({ err: error }, 'presence') }),
      [ID.presenceStore, ID.nodeId, ID.logger],
    )
    .inSingletonScope()
  container
    .bind(ID.live)
    .toResolvedValue(
      (hub, history, relay, logger) =>
        new Live({
          hub,
          history,
          relay,
          onError: (error) => logger.warn({ err: error }, 'live delivery'),
        }),
      [ID.hub, ID.history, ID.relay, ID.logger],
    )
    .inSingletonScope()
  container
    .bind(ID.batchingBus)
    .toResolvedValue(
      (bus, live, logger) => {
        const onError = (error: unknown) => logger.warn({ err: error }, 'bus')
        const batching = new BatchingBus({ bus, listener: live, onError })
        live.connect((shard, entry) => batching.publish(shard, entry))
        return batching
      },
      [ID.bus, ID.live, ID.logger],
    )
    .inSingletonScope()
}

function bindServices(container: Container): void {
  container
    .bind(ID.pointers)
    .toResolvedValue(
      (store, logger) => new Pointers({ store, onError: (error) => logger.warn({ err: error }, 'pointers') }),
      [ID.conversationStore, ID.logger],
    )
    .inSingletonScope()
  container
    .bind(ID.conversations)
    .toResolvedValue(
      (repository, { users }, live, relay, clock) =>
        new Conversations({
          repository,
          users,
          live,
          relay,
          newId: () => uuidv7<ConversationId>(clock.now()),
          now: clock.now,
        }),
      [ID.conversationStore, ID.identity, ID.live, ID.relay, ID.clock],
    )
    .inSingletonScope()
  container
    .bind(ID.messages)
    .toResolvedValue(
      (store, appender, history, live, pointers, relay) =>
        new Messages({
          access: new AccessCache(store),
          appender,
          history,
          live,
          pointers,
          relay,
          newOperationId,
        }),
      [ID.conversationStore, ID.appender, ID.history, ID.live, ID.pointers, ID.relay],
    )
    .inSingletonScope()
}
