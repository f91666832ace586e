import { z } from 'zod'

/** What createLogger writes, one JSON object a line. */
const entrySchema = z.object({
  level: z.number(),
  time: z.iso.datetime(),
  msg: z.string().default(''),
  requestId: z.string().optional(),
  err: z.object({ message: z.string(), stack: z.string().optional() }).optional(),
})

const LABELS: { [level: number]: string } = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warning' }
const ERROR = 50

/**
 * A logger's destination for somebody at a terminal: `03:04:55 warning: what happened: why`, in UTC, with the
 * stack below where something broke. What else an entry holds is left to the JSON form.
 */
export function plainLines(write: (text: string) => void): { write(line: string): void } {
  return { write: (line) => write(plain(entrySchema.parse(JSON.parse(line)))) }
}

function plain({ level, time, msg, requestId, err }: z.infer<typeof entrySchema>): string {
  const about = requestId === undefined ? '' : ` (request ${requestId})`
  const why = err === undefined ? '' : `: ${err.message.split('\n', 1)[0]}`
  const stack = level >= ERROR && err?.stack !== undefined ? `${err.stack}\n` : ''
  return `${time.slice(11, 19)} ${LABELS[level] ?? 'error'}: ${msg}${about}${why}\n${stack}`
}
