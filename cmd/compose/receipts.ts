import type { Container } from 'inversify'
import { timeOf } from '../../internal/domain/log-entry.ts'
import { PostgresReceipts } from '../../internal/repository/postgres/receipt.ts'
import { MessageReader } from '../../internal/service/message/message-reader.ts'
import { Places } from '../../internal/service/receipt/places.ts'
import { PointerCommits } from '../../internal/service/receipt/pointers.ts'
import { TRACKED_MEMBERS_MAX } from '../../internal/service/receipt/ports.ts'
import { ReceiptJournal } from '../../internal/service/receipt/receipt-journal.ts'
import { Receipts } from '../../internal/service/receipt/receipts.ts'
import { ID } from './identifiers.ts'

/** Binds members' pointers, the times at which they moved, and the service over both. */
export function bindReceipts(container: Container): void {
  container
    .bind(ID.receiptJournal)
    .toResolvedValue(
      (history, logger) =>
        new ReceiptJournal({ history, onError: (error) => logger.warn({ err: error }, 'receipt journal') }),
      [ID.receiptHistory, ID.logger],
    )
    .inSingletonScope()
  container
    .bind(ID.pointerCommits)
    .toResolvedValue(
      (pool, journal, live, notices) =>
        new PointerCommits({
          store: new PostgresReceipts(pool),
          onMoved: (moved) => {
            const { conversationId, memberVersion, userId, pointers, memberCount, at, origin } = moved
            const receipt = { conversationId, memberVersion, userId, ...pointers, at: timeOf(at) }
            live.receiptMoved(receipt, memberCount <= TRACKED_MEMBERS_MAX, origin)
            journal.add(moved)
            notices.moved({ conversationId, userId, readSeq: pointers.readSeq })
          },
        }),
      [ID.logPool, ID.receiptJournal, ID.live, ID.readNotices],
    )
    .inSingletonScope()
  container
    .bind(ID.receipts)
    .toResolvedValue(
      (commits, log, archive, history, pool, messages, { users }) =>
        new Receipts({
          commits,
          places: new Places(new MessageReader(log, archive, Date.now)),
          history,
          recipients: new PostgresReceipts(pool),
          messages,
          users,
        }),
      [ID.pointerCommits, ID.messageLog, ID.archive, ID.receiptHistory, ID.logPool, ID.history, ID.identity],
    )
    .inSingletonScope()
}
