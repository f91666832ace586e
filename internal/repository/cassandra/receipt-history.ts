import type cassandra from 'cassandra-driver'
import { unavailable } from '../../domain/errors.ts'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type { PassedAt, PointerPassed, ReceiptHistory, ReceiptKind } from '../../service/receipt/ports.ts'
import { spansBetween, spansHolding } from './receipt-spans.ts'

const INSERT = `insert into message_receipts (conversation_id, tier, bucket, span, user_id, kind, passed_at)
  values (?, ?, ?, ?, ?, ?, ?) using timestamp ?`
const FIND = `select user_id, kind, passed_at from message_receipts
  where conversation_id = ? and tier = ? and bucket = ? and span in ?`

const KINDS: readonly ReceiptKind[] = ['delivered', 'read']
const BATCH_MAX = 40
const BATCHES_IN_FLIGHT = 16

/** ReceiptHistory on Cassandra: pure writes; finding is one query in each of four partitions. */
export class CassandraReceiptHistory implements ReceiptHistory {
  readonly #client: cassandra.Client

  constructor(client: cassandra.Client) {
    this.#client = client
  }

  async write(passed: readonly PointerPassed[]): Promise<void> {
    const batches = batchesOf(passed)
    let next = 0
    const worker = async () => {
      for (let batch = batches[next++]; batch; batch = batches[next++]) {
        const queries = batch.map((params) => ({ query: INSERT, params }))
        await this.#client.batch(queries, { logged: false, prepare: true, isIdempotent: true })
      }
    }
    try {
      await Promise.all(Array.from({ length: Math.min(BATCHES_IN_FLIGHT, batches.length) }, worker))
    } catch (error) {
      throw unavailable('Cassandra', error)
    }
  }

  async find(conversationId: ConversationId, seq: Seq, userIds: readonly UserId[]): Promise<PassedAt[]> {
    const tiers = Map.groupBy(spansHolding(seq), ({ tier }) => tier)
    try {
      const results = await Promise.all(
        [...tiers].map(([tier, spans]) => {
          const bucket = BigInt(spans[0]?.bucket ?? 0)
          return this.#client.execute(FIND, [
            conversationId,
            tier,
            bucket,
            spans.map(({ span }) => BigInt(span)),
          ])
        }),
      )
      const asked = new Set(userIds)
      return results
        .flatMap((result) => result.rows.map(passedAtOf))
        .filter(({ userId }) => asked.has(userId))
    } catch (error) {
      throw unavailable('Cassandra', error)
    }
  }
}

function passedAtOf(row: cassandra.types.Row): PassedAt {
  const kind = KINDS[row['kind']]
  if (!kind) throw new RangeError(`no kind of receipt has the code ${row['kind']}`)
  return { userId: String(row['user_id']) as UserId, kind, at: Number(row['passed_at']) }
}

/** Parameters of inserts, those of one partition together. */
function batchesOf(passed: readonly PointerPassed[]): unknown[][][] {
  const partitions = new Map<string, unknown[][]>()
  const batches: unknown[][][] = []
  for (const { conversationId, userId, kind, from, to, at } of passed) {
    for (const { tier, bucket, span } of spansBetween(from, to)) {
      const key = `${conversationId} ${tier} ${bucket}`
      let batch = partitions.get(key)
      if (!batch || batch.length >= BATCH_MAX) {
        batch = []
        partitions.set(key, batch)
        batches.push(batch)
      }
      const place = [conversationId, tier, BigInt(bucket), BigInt(span), userId, KINDS.indexOf(kind)]
      batch.push([...place, BigInt(at), BigInt(at)])
    }
  }
  return batches
}
