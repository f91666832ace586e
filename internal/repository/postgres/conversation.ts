import type pg from 'pg'
import type { ConversationId, Seq, UserId } from '../../domain/ids.ts'
import type {
  ActivityCursor,
  ConversationRepository,
  ConversationView,
  Created,
  MemberCursor,
  MemberView,
  NewConversation,
} from '../../service/conversation/ports.ts'
import type { AccessReader, SendAccess } from '../../service/message/ports.ts'
import type { PointerStore, ReadMove } from '../../service/receipt/ports.ts'
import { createConversation } from './conversation-create.ts'
import { VIEW_SQL, type ViewRow, viewOf } from './conversation-view.ts'
import { query, transaction } from './query.ts'

const FIND = { name: 'conversation-find', text: `${VIEW_SQL} and m.conversation_id = $2` }

const LIST = {
  name: 'conversation-list',
  text: `${VIEW_SQL} and ($3::bigint is null or (h.stamp, c.id) < ($3, $4))
    order by h.stamp desc, c.id desc limit $2`,
}

const MEMBERS = {
  name: 'conversation-members',
  text: `
    select m.user_id, m.role, m.joined_at, m.delivered_seq, m.read_seq
    from conversation_members m
    where m.conversation_id = $1
      and exists (select 1 from conversation_members v where v.conversation_id = $1 and v.user_id = $2)
      and ($4::timestamptz is null or (m.joined_at, m.user_id) > ($4, $5))
    order by m.joined_at, m.user_id limit $3`,
}

const IS_MEMBER = {
  name: 'conversation-is-member',
  text: 'select 1 from conversation_members where conversation_id = $1 and user_id = $2',
}

const MEMBERSHIPS = {
  name: 'memberships',
  text: `
    select m.conversation_id id, h.seq from conversation_members m
    join heads h on h.conversation_id = m.conversation_id
    where m.user_id = $1 order by h.stamp desc limit 5000`,
}

const ACCESS = {
  name: 'access',
  text: `
    select h.member_version, m.role, c.kind, c.post_policy, c.invite_policy, c.info_policy
    from conversation_members m
    join conversations c on c.id = m.conversation_id
    join heads h on h.conversation_id = m.conversation_id
    where m.conversation_id = $1 and m.user_id = $2`,
}

// Ordered by key under FOR UPDATE, as every writer of several members does, so that two cannot deadlock.
const ADVANCE_READ = {
  name: 'advance-read',
  text: `
    with moves as (
      select m.conversation_id, m.user_id, x.seq, x.ordinal
      from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) x(conversation_id, user_id, seq, ordinal)
      join conversation_members m on m.conversation_id = x.conversation_id and m.user_id = x.user_id
      where m.read_seq < x.seq
      order by m.conversation_id, m.user_id for update of m
    )
    update conversation_members m set
      read_seq = greatest(m.read_seq, x.seq), read_ordinal = greatest(m.read_ordinal, x.ordinal),
      delivered_seq = greatest(m.delivered_seq, x.seq)
    from moves x where m.conversation_id = x.conversation_id and m.user_id = x.user_id`,
}

interface AccessRow {
  member_version: number
  role: SendAccess['role']
  kind: SendAccess['kind']
  post_policy: SendAccess['postPolicy']
  invite_policy: SendAccess['invitePolicy']
  info_policy: SendAccess['infoPolicy']
}

interface MemberRow {
  user_id: UserId
  role: MemberView['role']
  joined_at: Date
  delivered_seq: number
  read_seq: number
}

export class PostgresConversations implements ConversationRepository, AccessReader, PointerStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  create(conversation: NewConversation): Promise<Created> {
    return transaction(this.#pool, (client) => createConversation(client, conversation))
  }

  async find(id: ConversationId, viewerId: UserId): Promise<ConversationView | null> {
    const [row] = await query<ViewRow>(this.#pool, FIND, [viewerId, id])
    return row ? viewOf(row) : null
  }

  async list(viewerId: UserId, limit: number, after: ActivityCursor | null) {
    const values = [viewerId, limit, after?.stamp ?? null, after?.id ?? null]
    const rows = await query<ViewRow>(this.#pool, LIST, values)
    const last = rows.length === limit ? rows.at(-1) : undefined
    const next = last ? { stamp: last.stamp, id: last.id as ConversationId } : null
    return { items: rows.map(viewOf), next }
  }

  async members(id: ConversationId, viewerId: UserId, limit: number, after: MemberCursor | null) {
    const values = [id, viewerId, limit, after?.joinedAt ?? null, after?.userId ?? null]
    const rows = await query<MemberRow>(this.#pool, MEMBERS, values)
    if (rows.length === 0 && (await query(this.#pool, IS_MEMBER, [id, viewerId])).length === 0) return null
    return rows.map((row) => ({
      userId: row.user_id,
      role: row.role,
      joinedAt: row.joined_at.toISOString(),
      deliveredSeq: row.delivered_seq,
      readSeq: row.read_seq,
    }))
  }

  memberships(userId: UserId): Promise<{ id: ConversationId; seq: Seq }[]> {
    return query(this.#pool, MEMBERSHIPS, [userId])
  }

  async access(conversationId: ConversationId, userId: UserId): Promise<SendAccess | null> {
    const [row] = await query<AccessRow>(this.#pool, ACCESS, [conversationId, userId])
    if (!row) return null
    return {
      memberVersion: row.member_version,
      role: row.role,
      kind: row.kind,
      postPolicy: row.post_policy,
      invitePolicy: row.invite_policy,
      infoPolicy: row.info_policy,
    }
  }

  async advanceRead(moves: readonly ReadMove[]): Promise<void> {
    await query(this.#pool, ADVANCE_READ, [
      moves.map((move) => move.conversationId),
      moves.map((move) => move.userId),
      moves.map((move) => move.seq),
      moves.map((move) => move.ordinal),
    ])
  }
}
