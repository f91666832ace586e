import type pg from 'pg'
import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { MemberNames, NamedMember } from '../../service/message/ports.ts'
import { query } from './query.ts'

const NAMED = {
  name: 'named-members',
  text: `
    select u.id, exists (select 1 from blocks b where b.blocker_id = u.id and b.blocked_id = $2) "hasBlocked"
    from users u join conversation_members m on m.user_id = u.id and m.conversation_id = $1
    where u.id = any ($3) or u.username_key = any ($4)
    order by u.id`,
}

/** MemberNames on PostgreSQL. */
export class PostgresMemberNames implements MemberNames {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  named(
    conversationId: ConversationId,
    askerId: UserId,
    ids: readonly UserId[],
    usernames: readonly string[],
  ): Promise<NamedMember[]> {
    return query(this.#pool, NAMED, [conversationId, askerId, ids, usernames])
  }
}
