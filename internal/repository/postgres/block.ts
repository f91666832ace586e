import type { UserId } from '../../domain/ids.ts'
import type { User } from '../../domain/user.ts'
import type { BlockRepository } from '../../service/block/ports.ts'
import type { Sql } from './sql.ts'
import { USER_COLUMNS, type UserRow, userOf } from './user.ts'

const BLOCK = `
  insert into blocks (blocker_id, blocked_id, created_at) values ($1, $2, $3)
  on conflict do nothing returning blocker_id`

const UNBLOCK = 'delete from blocks where blocker_id = $1 and blocked_id = $2 returning blocker_id'

// Whoever opens a conversation holds its users' keys: so it is there, to be bumped, or sees the block.
const LOCK_PAIR = 'select 1 from users where id in ($1, $2) order by id for update'

const BUMP = `
  update heads set member_version = member_version + 1 where conversation_id = (
    select conversation_id from direct_pairs
    where low = least($1::uuid, $2::uuid) and high = greatest($1::uuid, $2::uuid))`

/** BlockRepository on PostgreSQL. */
export class PostgresBlocks implements BlockRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  set(blockerId: UserId, blockedId: UserId, blocked: boolean, at: Date): Promise<boolean> {
    return this.#sql.transaction(async (sql) => {
      await sql.query(LOCK_PAIR, [blockerId, blockedId])
      // Heads first, as everywhere: sends hold its row while they are authorised.
      await sql.query(BUMP, [blockerId, blockedId])
      const rows = blocked
        ? await sql.query(BLOCK, [blockerId, blockedId, at])
        : await sql.query(UNBLOCK, [blockerId, blockedId])
      return rows.length > 0
    })
  }

  async list(blockerId: UserId, after: UserId | null, limit: number): Promise<User[]> {
    const rows = await this.#sql.query<UserRow>(
      `select ${USER_COLUMNS} from blocks b join users u on u.id = b.blocked_id
       where b.blocker_id = $1 and ($2::uuid is null or b.blocked_id > $2)
       order by b.blocked_id limit $3`,
      [blockerId, after, limit],
    )
    return rows.map(userOf)
  }

  async among(userId: UserId, others: readonly UserId[]) {
    const rows = await this.#sql.query<{ blocker_id: UserId; blocked_id: UserId }>(
      `select blocker_id, blocked_id from blocks where blocker_id = $1 and blocked_id = any($2)
       union all select blocker_id, blocked_id from blocks where blocked_id = $1 and blocker_id = any($2)`,
      [userId, others],
    )
    const blockedBy = rows.filter((row) => row.blocked_id === userId).map((row) => row.blocker_id)
    const blocking = rows.filter((row) => row.blocker_id === userId).map((row) => row.blocked_id)
    return { blockedBy: new Set(blockedBy), blocking: new Set(blocking) }
  }
}
