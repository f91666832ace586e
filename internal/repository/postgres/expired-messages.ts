import type { Sql } from './sql.ts'

const REMOVE = `
  with gone as (
    delete from archived_messages where (conversation_id, seq, era) in (
      select conversation_id, seq, era from archived_messages where expires < $1 order by expires limit 1000)
    returning conversation_id, seq
  ), edits as (
    delete from archived_edits e using gone g where e.conversation_id = g.conversation_id and e.seq = g.seq
  ), reactions as (
    delete from archived_reactions r using gone g where r.conversation_id = g.conversation_id and r.seq = g.seq
  )
  select count(*)::integer count from gone`

/** Removes disappeared messages from the archive of the standalone server; Cassandra's go by themselves. */
export class ExpiredMessages {
  readonly #sql: Sql
  readonly #now: () => number

  constructor(sql: Sql, now: () => number) {
    this.#sql = sql
    this.#now = now
  }

  /** At most 1,000; false when there was none. @throws DomainError dependency_unavailable. */
  async remove(): Promise<boolean> {
    const [row] = await this.#sql.query<{ count: number }>(REMOVE, [this.#now() * 1000])
    return row !== undefined && row.count > 0
  }
}
