import { z } from 'zod'
import { SYNC_CURSORS_MAX, type Sync } from '../../service/sync/sync.ts'
import { changeSchema, messageSchema } from './conversation-schema.ts'
import { conversationId } from './fields.ts'
import { answer, type Route, type RouteLimit, route } from './route.ts'

const seq = z.int().min(0)
const rev = z.int().min(0)

const cursor = z.strictObject({ seq, rev, epoch: z.string().max(100) })

/** What both doors take: POST /sync and the push `sync`. */
export const syncBody = z.strictObject({
  cursors: z
    .record(conversationId, cursor)
    .refine((cursors) => Object.keys(cursors).length <= SYNC_CURSORS_MAX, {
      message: `at most ${SYNC_CURSORS_MAX} conversations at once`,
    })
    .default({})
    .meta({ description: `by conversation, at most ${SYNC_CURSORS_MAX}` }),
})

/** Of messages, their seqs. */
export const hiddenSchema = z
  .array(seq)
  .optional()
  .meta({ description: 'what you deleted for yourself meanwhile, to be taken away' })

const synced = z.object({
  id: conversationId,
  messages: z.array(messageSchema),
  changes: z.array(changeSchema),
  hidden: hiddenSchema,
  seq,
  rev,
  epoch: z.string(),
  more: z.boolean().meta({ description: 'there is further to pull from this cursor on' }),
  reset: z.literal(true).optional().meta({ description: 'discard what you have of it' }),
})

const removed = z.object({
  id: conversationId,
  removed: z.literal(true).meta({ description: 'you are not in it' }),
})

export const syncAnswer = z
  .object({
    conversations: z.array(z.union([synced, removed])),
    more: z.boolean().meta({ description: 'ask again, with the cursors of this answer' }),
  })
  .meta({ id: 'SyncAnswer' })

const SYNC_LIMIT: RouteLimit = { name: 'sync', by: 'user', points: 300, seconds: 60, whenDown: 'allow' }

export function syncRoutes(sync: Sync): Route[] {
  return [
    route({
      method: 'post',
      path: '/sync',
      summary: 'What you missed in all of your conversations since the given cursors',
      tag: 'messages',
      scope: 'messages:read',
      limits: [SYNC_LIMIT],
      body: syncBody,
      responses: { 200: syncAnswer },
      handle: async ({ actor, body }) => answer(200, await sync.sync(actor, cursorsOf(body))),
    }),
  ]
}

export function cursorsOf({ cursors }: z.output<typeof syncBody>) {
  return new Map(Object.entries(cursors).map(([id, given]) => [conversationId.parse(id), given]))
}
