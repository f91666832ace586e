import { createHash } from 'node:crypto'
import type { UserId } from '../../domain/ids.ts'

/** What Phoenix clients know one's presence by: the same on all nodes, whichever told of it. */
export function presenceRef(userId: UserId): string {
  return createHash('sha256').update(userId).digest('base64url').slice(0, 16)
}
