import type pg from 'pg'
import {
  ATTEMPTS_PER_ROUND,
  type Claim,
  type ClaimResult,
  type ClaimStore,
  type Settlement,
} from '../../notifier/ports.ts'
import { query } from './query.ts'

const DAY_MS = 86_400_000

// A row that somebody else inserted meanwhile is in neither `taken` nor the statement's snapshot.
const CLAIM = {
  name: 'notification_claim',
  text: `
    with input as (
      select * from unnest($1::date[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::smallint[])
        with ordinality as i (day, event_id, device_id, user_id, conversation_id, seq, attempt, place)
    ), taken as (
      insert into notification_claims as c
        (day, event_id, device_id, user_id, conversation_id, seq, state, attempt, claimed_at)
      select day, event_id, device_id, user_id, conversation_id, seq, 'claimed', attempt, now()
      from input order by day, event_id, device_id
      on conflict (day, event_id, device_id) do update set
        state = 'claimed', attempt = excluded.attempt, claimed_at = now(), settled_at = null,
        repeated = c.repeated or c.state = 'claimed'
      where (c.state = 'retry' and excluded.attempt > c.attempt)
        or (c.state = 'dead' and excluded.attempt / $9 > c.attempt / $9)
        or (c.state = 'claimed' and excluded.attempt >= c.attempt and not c.repeated
          and c.claimed_at < now() - $8 * interval '1 millisecond')
      returning day, event_id, device_id, repeated
    )
    select taken.event_id is not null as taken, taken.repeated, c.state, c.attempt,
      c.repeated as was_repeated, c.claimed_at >= now() - $8 * interval '1 millisecond' as young
    from input
    left join taken using (day, event_id, device_id)
    left join notification_claims c using (day, event_id, device_id)
    order by input.place`,
}

const SETTLE = {
  name: 'notification_settle',
  text: `
    update notification_claims c
    set state = i.state, reason = i.reason, repeated = c.repeated or i.unknown, settled_at = now()
    from unnest($1::date[], $2::text[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::boolean[])
      as i (day, event_id, device_id, attempt, state, reason, unknown)
    where c.day = i.day and c.event_id = i.event_id and c.device_id = i.device_id
      and c.attempt = i.attempt and c.state = 'claimed'`,
}

const PRUNE = {
  name: 'notification_prune',
  text: `
    delete from notification_claims where ctid = any (array(
      select ctid from notification_claims where day < $1::date order by day limit $2 for update skip locked))
    returning 1`,
}

interface ClaimRow {
  taken: boolean
  repeated: boolean | null
  state: string | null
  attempt: number | null
  was_repeated: boolean | null
  young: boolean | null
}

export class PostgresClaimStore implements ClaimStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async claim(claims: readonly Claim[], leaseMs: number): Promise<ClaimResult[]> {
    // The same event can come twice in one batch; one statement may touch a row only once.
    const distinct = new Map<string, Claim>()
    for (const claim of claims) if (!distinct.has(keyOf(claim))) distinct.set(keyOf(claim), claim)
    const unique = [...distinct.values()]
    const rows = await query<ClaimRow>(this.#pool, CLAIM, [
      unique.map((claim) => claim.day),
      unique.map((claim) => claim.eventId),
      unique.map((claim) => claim.deviceId),
      unique.map((claim) => claim.userId),
      unique.map((claim) => claim.conversationId),
      unique.map((claim) => claim.seq),
      unique.map((claim) => claim.attempt),
      leaseMs,
      ATTEMPTS_PER_ROUND,
    ])
    const results = new Map(unique.map((claim, i) => [keyOf(claim), resultOf(rows[i], claim.attempt)]))
    return claims.map((claim) => {
      const result = results.get(keyOf(claim))
      results.delete(keyOf(claim))
      return result ?? { kind: 'settled' }
    })
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    if (settlements.length === 0) return
    await query(this.#pool, SETTLE, [
      settlements.map(({ claim }) => claim.day),
      settlements.map(({ claim }) => claim.eventId),
      settlements.map(({ claim }) => claim.deviceId),
      settlements.map(({ claim }) => claim.attempt),
      settlements.map(({ state }) => state),
      settlements.map(({ reason }) => reason),
      settlements.map(({ unknown }) => unknown),
    ])
  }

  async prune(beforeMs: number, limit: number): Promise<number> {
    const day = new Date(Math.floor(beforeMs / DAY_MS) * DAY_MS).toISOString().slice(0, 10)
    return (await query(this.#pool, PRUNE, [day, limit])).length
  }
}

function keyOf(claim: Claim): string {
  return `${claim.day} ${claim.eventId} ${claim.deviceId}`
}

function resultOf(row: ClaimRow | undefined, attempt: number): ClaimResult {
  if (row?.taken) return { kind: 'claimed', repeated: row.repeated === true }
  if (!row || row.state === null || row.attempt === null) return { kind: 'busy' }
  if (row.state === 'retry') return { kind: row.attempt === attempt ? 'pending' : 'settled' }
  if (row.state !== 'claimed' || row.attempt > attempt) return { kind: 'settled' }
  return { kind: !row.young && row.was_repeated ? 'unknown' : 'busy' }
}
