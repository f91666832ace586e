import type { Config } from '../../internal/config/config.ts'
import type { Logger } from '../../internal/platform/logger.ts'

export function warnOfLimits(config: Config, logger: Logger): void {
  if (config.rateLimitScale !== 0) return
  logger.warn('RATE_LIMIT_SCALE is 0: all rate limits are off. Never run a public server like this.')
}
