import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DeadLetter } from '../notifier/ports.ts'
import { parseEnvelope } from './codec.ts'

const CONTENT_MAX = 100_000
const REASON_MAX = 500
const TOO_OFTEN = 'handed out too often without being settled'

const withTask = z.looseObject({ task: z.unknown(), reason: z.string() })
const undecodable = z.looseObject({ reason: z.string(), content: z.string() })

/**
 * What a message in the queue of dead letters holds: a task that was given up, with its reason; a whole
 * message that the broker moved there, as it was handed out too often; or something that is not ours. The id
 * follows from what it is, so that the same message read twice is the same letter.
 */
export function deadLettersOf(text: string, diedAtMs: number): DeadLetter[] {
  const value = parsed(text)
  const given = withTask.safeParse(value)
  if (given.success) {
    const [task] = parseEnvelope({ version: 1, tasks: [given.data.task] })?.tasks ?? []
    if (task) return [letter({ task, content: null }, given.data.reason, diedAtMs)]
  }
  const tasks = parseEnvelope(value)?.tasks
  if (tasks) return tasks.map((task) => letter({ task, content: null }, TOO_OFTEN, diedAtMs))
  const foreign = undecodable.safeParse(value)
  const content = foreign.success ? foreign.data.content : Buffer.from(text).toString('base64')
  return [letter({ task: null, content }, 'undecodable', diedAtMs)]
}

function letter(
  { task, content }: Pick<DeadLetter, 'task' | 'content'>,
  reason: string,
  diedAtMs: number,
): DeadLetter {
  const kept = { task, content: content?.slice(0, CONTENT_MAX) ?? null, reason: reason.slice(0, REASON_MAX) }
  const id = createHash('sha256').update(JSON.stringify(kept)).digest('hex').slice(0, 32)
  return { id, diedAtMs, ...kept }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
