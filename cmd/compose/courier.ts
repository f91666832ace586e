import type pg from 'pg'
import type { Config } from '../../internal/config/config.ts'
import { PostOffice } from '../../internal/notifier/courier/courier.ts'
import { OutboxCarrier } from '../../internal/notifier/courier/outbox.ts'
import { SmtpCarrier } from '../../internal/notifier/courier/smtp.ts'
import { TwilioCarrier } from '../../internal/notifier/courier/twilio.ts'
import type { Clock } from '../../internal/platform/clock.ts'
import type { Logger } from '../../internal/platform/logger.ts'
import { PostgresDeveloperOutbox } from '../../internal/repository/postgres/developer-outbox.ts'

export interface CourierOptions {
  config: Config
  pool: pg.Pool
  clock: Clock
  logger: Logger
}

/** What codes and warnings leave by; a component of the process that composes it. */
export function composeCourier({ config, pool, clock, logger }: CourierOptions): PostOffice {
  const { mail, sms } = config
  const outbox = new PostgresDeveloperOutbox(pool)
  return new PostOffice({
    email:
      mail.kind === 'smtp' ? new SmtpCarrier(mail.url, mail.from) : new OutboxCarrier('email', outbox, clock),
    phone: sms.kind === 'twilio' ? new TwilioCarrier(sms) : new OutboxCarrier('sms', outbox, clock),
    logger,
  })
}
