import type pg from 'pg'
import type { PushConfig } from '../../internal/config/config.ts'
import type { MailConfig } from '../../internal/config/senders.ts'
import { FcmSender } from '../../internal/notifier/channels/fcm.ts'
import { OutboxSender } from '../../internal/notifier/channels/outbox.ts'
import { notifierComponent } from '../../internal/notifier/component.ts'
import { digestComponents } from '../../internal/notifier/digest/component.ts'
import type { DigestOutcome } from '../../internal/notifier/digest/digests.ts'
import type {
  DeadLetterSource,
  EventConsumer,
  Observer,
  PresenceReader,
} from '../../internal/notifier/ports.ts'
import { undertaker } from '../../internal/notifier/undertaker.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import { atDrain, type Component } from '../../internal/platform/lifecycle.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import { PostgresDeadLetters } from '../../internal/repository/postgres/dead-letters.ts'
import { PostgresDeveloperOutbox } from '../../internal/repository/postgres/developer-outbox.ts'
import { PostgresDigests } from '../../internal/repository/postgres/email-digests.ts'
import { PostgresMailRecipients } from '../../internal/repository/postgres/email-recipients.ts'
import { PostgresClaimStore } from '../../internal/repository/postgres/notification-claims.ts'
import { PostgresEventReader } from '../../internal/repository/postgres/notification-events.ts'
import { PostgresRecipientReader } from '../../internal/repository/postgres/notification-recipients.ts'
import { PostgresTraceWriter } from '../../internal/repository/postgres/notification-traces.ts'
import { PostgresShownStore } from '../../internal/repository/postgres/notifications-shown.ts'
import { PostgresPushTokens } from '../../internal/repository/postgres/push-tokens.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import { PostgresUnreadReader } from '../../internal/repository/postgres/unread-reader.ts'
import { mailCarrier } from './courier.ts'

export interface NotifierOptions {
  pool: pg.Pool
  /** The log's connections. */
  logPool: pg.Pool
  consumer: EventConsumer & DeadLetterSource
  presence: PresenceReader | null
  push: PushConfig
  mail: MailConfig
  publicUrl: string
  clock: Clock
  logger: Logger
  observer: Observer
  observeDigest: (outcome: DigestOutcome) => void
  /** Error tracking. */
  report: (error: unknown) => void
}

/** The notifier and what it sends with, for a process of its own or within standalone; start in this order. */
export function composeNotifier(options: NotifierOptions): Component[] {
  const { pool, logPool, push, publicUrl, ...rest } = options
  const shared = {
    ...rest,
    digests: new PostgresDigests(new Sql(pool)),
    recipients: new PostgresRecipientReader(pool),
    events: new PostgresEventReader(logPool),
    devices: new PostgresPushTokens(pool),
    claims: new PostgresClaimStore(pool),
    traces: new PostgresTraceWriter(pool),
    shown: new PostgresShownStore(pool),
  }
  const { consumer, clock } = rest
  const store = new PostgresDeadLetters(new Sql(pool))
  const burying = undertaker({ source: consumer, store, logger: rest.logger, now: clock.now })
  if (push.kind === 'outbox') {
    const sender = new OutboxSender(new PostgresDeveloperOutbox(pool), rest.clock)
    return [...mailing(options), notifierComponent({ ...shared, sender }), burying]
  }
  const { logger, report } = rest
  const alarm = (error: unknown) => {
    logger.error({ err: error }, 'FCM refuses pushes for a reason that an operator has to mend')
    report(error)
  }
  const sender = new FcmSender({ ...push, publicUrl, logger, alarm })
  return [
    ...mailing(options),
    atDrain('push', () => sender.close()),
    notifierComponent({ ...shared, sender, claimLeaseMs: push.claimLeaseMs }),
    burying,
  ]
}

/** Mails what stays unread. */
function mailing({
  pool,
  logPool,
  mail,
  publicUrl,
  observeDigest,
  clock,
  logger,
}: NotifierOptions): Component[] {
  const sql = new Sql(pool)
  return digestComponents({
    queue: new PostgresDigests(sql),
    unread: new PostgresUnreadReader(pool, logPool),
    recipients: new PostgresRecipientReader(pool),
    tokens: new PostgresMailRecipients(sql),
    traces: new PostgresTraceWriter(pool),
    carrier: mailCarrier(mail, pool, clock),
    clock,
    logger,
    publicUrl,
    observe: observeDigest,
  })
}
