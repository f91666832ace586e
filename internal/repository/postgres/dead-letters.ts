import type { DeadLetter, DeadLetterStore } from '../../notifier/ports.ts'
import type { DeadLetterArchive, DeadLetterItem, DeadLetterPlace } from '../../service/notification/ports.ts'
import type { Sql } from './sql.ts'

const BURY = `
  insert into dead_letters
    (id, died_at, reason, kind, event_id, conversation_id, seq, attempts, recipients, task, content)
  select id, died_at, reason, kind, event_id, conversation_id, seq, attempts, recipients, task, content
  from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bigint[],
    $8::integer[], $9::integer[], $10::jsonb[], $11::text[])
    i (id, died_at, reason, kind, event_id, conversation_id, seq, attempts, recipients, task, content)
  order by id
  on conflict (id) do nothing`

const PRUNE = `
  delete from dead_letters where ctid = any (array(
    select ctid from dead_letters where died_at < $1 order by died_at limit $2 for update skip locked))
  returning 1`

const SHOWN = `
  id, died_at as "diedAt", reason, kind, event_id as "eventId", conversation_id as "conversationId", seq,
  attempts, recipients`

const LIST = `
  select ${SHOWN} from dead_letters
  where $1::timestamptz is null or (died_at, id) < ($1, $2)
  order by died_at desc, id desc limit $3`

const TASKS = `
  select id, task from dead_letters
  where ($1::text[] is null or id = any ($1)) and task is not null
    and ($2::text is null or id > $2)
  order by id limit $3`

const REMOVE = 'delete from dead_letters where id = any ($1) returning id'
const EXISTS = 'select 1 from dead_letters where id = $1'
const COUNT = 'select count(*)::integer as count from dead_letters'

export class PostgresDeadLetters implements DeadLetterStore, DeadLetterArchive {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async bury(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return
    const distinct = [...new Map(letters.map((letter) => [letter.id, letter])).values()]
    const rows = distinct.map(columnsOf)
    await this.#sql.query(
      BURY,
      Array.from({ length: 11 }, (_, column) => rows.map((row) => row[column])),
    )
  }

  async prune(beforeMs: number, limit: number): Promise<number> {
    return (await this.#sql.query(PRUNE, [new Date(beforeMs), limit])).length
  }

  async list(limit: number, before: DeadLetterPlace | null): Promise<DeadLetterItem[]> {
    const rows = await this.#sql.query<Omit<DeadLetterItem, 'diedAt'> & { diedAt: Date }>(LIST, [
      before?.diedAt ?? null,
      before?.id ?? null,
      limit,
    ])
    return rows.map((row) => ({ ...row, diedAt: row.diedAt.toISOString() }))
  }

  tasks(
    ids: readonly string[] | null,
    after: string | null,
    limit: number,
  ): Promise<{ id: string; task: unknown }[]> {
    return this.#sql.query(TASKS, [ids, after, limit])
  }

  async has(id: string): Promise<boolean> {
    return (await this.#sql.query(EXISTS, [id])).length > 0
  }

  async remove(ids: readonly string[]): Promise<number> {
    return (await this.#sql.query(REMOVE, [ids])).length
  }

  async count(): Promise<number> {
    const [row] = await this.#sql.query<{ count: number }>(COUNT)
    return row?.count ?? 0
  }
}

function columnsOf({ id, diedAtMs, reason, task, content }: DeadLetter): unknown[] {
  const event = task?.event
  const isPlaced = event && event.kind !== 'sign_in'
  const seq = isPlaced && event.kind !== 'call_missed' ? event.seq : null
  return [
    id,
    new Date(diedAtMs),
    reason,
    event?.kind ?? null,
    event?.id ?? null,
    isPlaced ? event.conversationId : null,
    seq,
    // A task tells how many attempts failed before the last.
    task ? task.attempt + 1 : 0,
    recipientsOf(task),
    task ? JSON.stringify(task) : null,
    content,
  ]
}

function recipientsOf(task: DeadLetter['task']): number | null {
  if (!task || task.scope.kind === 'members') return null
  return task.scope.kind === 'users' ? task.scope.userIds.length : task.scope.deviceIds.length
}
