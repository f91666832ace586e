import type { Container } from 'inversify'
import { type ClientId, newOperationId, uuidv7 } from '../../internal/domain/ids.ts'
import { PostgresMemberNames } from '../../internal/repository/postgres/member-names.ts'
import { PostgresScheduled } from '../../internal/repository/postgres/scheduled.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { AccessCache } from '../../internal/service/message/access-cache.ts'
import { Forwarding } from '../../internal/service/message/forwarding.ts'
import { MessageChanges } from '../../internal/service/message/message-changes.ts'
import { MessageLists } from '../../internal/service/message/message-lists.ts'
import { Messages } from '../../internal/service/message/messages.ts'
import { ScheduledSender } from '../../internal/service/scheduled/scheduled-sender.ts'
import { Schedules } from '../../internal/service/scheduled/schedules.ts'
import { ID } from './identifiers.ts'

/** Binds what is done with messages: sending, changing, forwarding, and the lists beside them. */
export function bindMessages(container: Container): void {
  container
    .bind(ID.access)
    .toResolvedValue((store) => new AccessCache(store), [ID.conversationStore])
    .inSingletonScope()
  container
    .bind(ID.memberNames)
    .toResolvedValue((pool) => new PostgresMemberNames(pool), [ID.logPool])
    .inSingletonScope()
  container
    .bind(ID.messages)
    .toResolvedValue(
      (access, appender, history, names, live, relay) =>
        new Messages({ access, appender, history, names, live, relay, newOperationId }),
      [ID.access, ID.appender, ID.history, ID.memberNames, ID.live, ID.relay],
    )
    .inSingletonScope()
  container
    .bind(ID.messageChanges)
    .toResolvedValue(
      (access, members, names, history, log, live, relay) =>
        new MessageChanges({ access, members, names, history, log, live, relay, newOperationId }),
      [ID.access, ID.conversationStore, ID.memberNames, ID.history, ID.messageLog, ID.live, ID.relay],
    )
    .inSingletonScope()
  container
    .bind(ID.messageLists)
    .toResolvedValue(
      (history, log, archive) => new MessageLists({ history, log, archive }),
      [ID.history, ID.messageLog, ID.archive],
    )
    .inSingletonScope()
  container
    .bind(ID.forwarding)
    .toResolvedValue(
      (access, history, messages) => new Forwarding({ access, history, messages }),
      [ID.access, ID.history, ID.messages],
    )
    .inSingletonScope()
  bindScheduled(container)
}

function bindScheduled(container: Container): void {
  container
    .bind(ID.schedules)
    .toResolvedValue(
      (pool, messages, members, clock) =>
        new Schedules({
          repository: new PostgresScheduled(new Sql(pool)),
          messages,
          members,
          newId: () => uuidv7<ClientId>(clock.now()),
          now: clock.now,
        }),
      [ID.pool, ID.messages, ID.conversationStore, ID.clock],
    )
    .inSingletonScope()
  container
    .bind(ID.scheduledSender)
    .toResolvedValue(
      (pool, messages, clock, logger) =>
        new ScheduledSender({
          queue: new PostgresScheduled(new Sql(pool)),
          messages,
          onError: (error) => logger.warn({ err: error }, 'scheduled messages'),
          now: clock.now,
        }),
      [ID.pool, ID.messages, ID.clock, ID.logger],
    )
    .inSingletonScope()
}
