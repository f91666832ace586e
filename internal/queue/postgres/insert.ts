import type { JobInsert, PgBoss } from 'pg-boss'

/** Inserts all jobs in one statement. Rejects when the queue is missing, which inserts none of them. */
export async function insertAll(boss: PgBoss, queue: string, jobs: JobInsert[]): Promise<void> {
  if (jobs.length === 0) return
  const ids = await boss.insert(queue, jobs, { returnId: true })
  if (ids?.length !== jobs.length) throw new Error(`no queue takes ${queue}`)
}
