import type pg from 'pg'
import type { Config } from '../../internal/config/config.ts'
import { PostOffice } from '../../internal/notifier/courier/courier.ts'
import { OutboxCarrier } from '../../internal/notifier/courier/outbox.ts'
import type { Carrier } from '../../internal/notifier/courier/ports.ts'
import { SmtpCarrier } from '../../internal/notifier/courier/smtp.ts'
import { TwilioCarrier } from '../../internal/notifier/courier/twilio.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import { PostgresDeveloperOutbox } from '../../internal/repository/postgres/developer-outbox.ts'
import { PostgresMailRecipients } from '../../internal/repository/postgres/email-recipients.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'

export interface CourierOptions {
  config: Config
  pool: pg.Pool
  clock: Clock
  logger: Logger
}

/** What codes and warnings leave by; a component of the process that composes it. */
export function composeCourier({ config, pool, clock, logger }: CourierOptions): PostOffice {
  const { sms } = config
  return new PostOffice({
    email: mailCarrier(config.mail, pool, clock),
    phone:
      sms.kind === 'twilio'
        ? new TwilioCarrier(sms)
        : new OutboxCarrier('sms', new PostgresDeveloperOutbox(pool), clock),
    ledger: new PostgresMailRecipients(new Sql(pool)),
    clock,
    logger,
  })
}

/** SMTP, or where developers look; closed by whoever uses it. */
export function mailCarrier(mail: Config['mail'], pool: pg.Pool, clock: Clock): Carrier {
  if (mail.kind === 'smtp') return new SmtpCarrier(mail)
  return new OutboxCarrier('email', new PostgresDeveloperOutbox(pool), clock)
}
