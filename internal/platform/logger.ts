import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** Paths that must never reach a log line, wherever they occur one or two levels deep. */
const SECRET_KEYS = [
  'password',
  'accessToken',
  'refreshToken',
  'token',
  'authorization',
  'cookie',
  'secret',
  'secretKey',
  'privateKey',
]

export interface LoggerOptions {
  name: string
  level: string
  /** For tests: where lines go instead of standard output. */
  destination?: { write(line: string): void }
}

/** JSON lines with RFC 3339 times; secrets are replaced by `[redacted]`. */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
      censor: '[redacted]',
    },
  }
  return destination ? pino(options, destination) : pino(options)
}
