import type pg from 'pg'
import { PostgresClaimStore } from '../repository/postgres/notification-claims.ts'
import { PostgresEventReader } from '../repository/postgres/notification-events.ts'
import { PostgresRecipientReader } from '../repository/postgres/notification-recipients.ts'
import { PostgresTraceWriter } from '../repository/postgres/notification-traces.ts'
import { PostgresShownStore } from '../repository/postgres/notifications-shown.ts'
import { PostgresPushTokens } from '../repository/postgres/push-tokens.ts'

/** What a notifier reads and writes, all on one pool; nothing is mailed. */
export function notifierStores(pool: pg.Pool) {
  return {
    recipients: new PostgresRecipientReader(pool),
    events: new PostgresEventReader(pool),
    devices: new PostgresPushTokens(pool),
    claims: new PostgresClaimStore(pool),
    traces: new PostgresTraceWriter(pool),
    shown: new PostgresShownStore(pool),
    digests: null,
  }
}
