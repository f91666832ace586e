import type { ConversationId, UserId } from '../../domain/ids.ts'
import type { PresenceMembers } from '../../service/presence/ports.ts'

const PAGE = 500

export interface PresenceReading {
  all: ReadonlySet<UserId>
  online: ReadonlySet<UserId>
  count: number
  /** False when there are too many to be told of each other: then only the count is meant. */
  isListed: boolean
}

/** Members of a conversation that are online anywhere. */
export async function onlineAmong(
  id: ConversationId,
  from: {
    members: Pick<PresenceMembers, 'memberIds'>
    isOnline(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>>
    listedMax: number
  },
): Promise<PresenceReading> {
  const online = new Set<UserId>()
  const all = new Set<UserId>()
  let count = 0
  let total = 0
  for (let after: UserId | null | undefined = null; after !== undefined; ) {
    const page: UserId[] = await from.members.memberIds(id, after, PAGE)
    const found = page.length > 0 ? await from.isOnline(page) : new Set<UserId>()
    total += page.length
    count += found.size
    if (total <= from.listedMax) {
      for (const userId of page) all.add(userId)
      for (const userId of found) online.add(userId)
    }
    after = page.length < PAGE ? undefined : page.at(-1)
  }
  const isListed = total <= from.listedMax
  return { all, online: isListed ? online : new Set(), count, isListed }
}
