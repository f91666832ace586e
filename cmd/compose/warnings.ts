import type { Config } from '../../internal/config/config.ts'
import type { Logger } from '../../internal/platform/logger.ts'

export function warnOfLimits(config: Config, logger: Logger): void {
  if (config.rateLimitScale !== 0) return
  logger.warn('RATE_LIMIT_SCALE is 0: all rate limits are off. Never run a public server like this.')
}

/** In the API: mails and text messages that nobody will get. */
export function warnOfCourier({ mail, sms }: Config, logger: Logger): void {
  if (mail.kind === 'outbox') logger.warn('SMTP_URL is not set: mails go to the developer outbox only')
  if (sms.kind === 'outbox') logger.warn('SMS_URL is not set: text messages go to the developer outbox only')
}

/** The outbox shows codes to whoever can reach it. */
export function warnOfDevOutbox({ devOutbox }: Config, logger: Logger): void {
  if (devOutbox === 'on') logger.warn('DEV_OUTBOX is 1: /dev/outbox shows codes and messages to everybody')
  if (devOutbox !== 'refused') return
  logger.warn('DEV_OUTBOX is ignored: it needs NODE_ENV=development and a PUBLIC_URL on localhost')
}

/** In the notifier: pushes that nobody will get. */
export function warnOfPush({ push }: Config, logger: Logger): void {
  if (push.kind !== 'outbox') return
  logger.warn('FIREBASE_PROJECT_ID is not set: pushes go to the developer outbox only')
}
