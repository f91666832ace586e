import type { Config } from '../../internal/config/config.ts'
import { createCassandraClient } from '../../internal/repository/cassandra/client.ts'
import { CassandraMessageArchive } from '../../internal/repository/cassandra/message-archive.ts'
import { createPool } from '../../internal/repository/postgres/database.ts'
import { PostgresMessageArchive } from '../../internal/repository/postgres/message-archive.ts'
import { PostgresMessageLog } from '../../internal/repository/postgres/message-log.ts'
import { PostgresReceipts } from '../../internal/repository/postgres/receipt.ts'
import { MessageReader } from '../../internal/service/message/message-reader.ts'
import { UnreadAudit } from '../../internal/service/receipt/unread-audit.ts'
import type { Outcome } from './commands.ts'

const USAGE: Outcome = { ok: false, usage: true, lines: ['usage: admin unread verify [MEMBERSHIPS]'] }
const MEMBERSHIPS = 1000
const SHOWN_MAX = 20

/** `unread verify [MEMBERSHIPS]`: compares unread counts with the messages themselves; changes nothing. */
export async function runUnreadCommand(
  stores: { url: string; cassandra: Config['cassandra'] },
  args: readonly string[],
): Promise<Outcome> {
  const [command, count = String(MEMBERSHIPS), ...rest] = args
  if (command !== 'verify' || !/^[1-9]\d{0,6}$/.test(count) || rest.length > 0) return USAGE
  const pool = createPool({ url: stores.url, max: 2, applicationName: 'admin' })
  const client = stores.cassandra.kind === 'external' ? createCassandraClient(stores.cassandra) : null
  try {
    const archive = client ? new CassandraMessageArchive(client) : new PostgresMessageArchive(pool)
    const reader = new MessageReader(new PostgresMessageLog(pool), archive, Date.now)
    const audit = new UnreadAudit(new PostgresReceipts(pool), reader)
    const { checked, uncountable, drifts } = await audit.verify(Number(count))
    const lines = [
      `${checked} unread counts checked, ${uncountable} could not be; ${drifts.length} are wrong.`,
    ]
    for (const { conversationId, userId, counted, unread } of drifts.slice(0, SHOWN_MAX)) {
      lines.push(`conversation ${conversationId}, user ${userId}: ${counted}, should be ${unread}`)
    }
    return { ok: drifts.length === 0, lines }
  } finally {
    await client?.shutdown()
    await pool.end()
  }
}
