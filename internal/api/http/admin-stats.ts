import { z } from 'zod'
import type { StatsService } from '../../service/admin/stats.ts'
import { time } from './fields.ts'
import { answer, type Route, route } from './route.ts'

const count = z.int().min(0)

const statsSchema = z
  .object({
    at: time,
    users: z.object({
      active: count,
      suspended: count,
      deleted: count,
      newToday: count,
      activeToday: count,
    }),
    sessions: count,
    sockets: count,
    conversations: z.object({ direct: count, group: count }),
    messages: count,
    relayBacklog: z.object({ archive: count, events: count }),
    erasures: count,
  })
  .meta({ id: 'AdminStats' })

const queueSchema = z
  .object({ name: z.string(), kind: z.enum(['work', 'retry', 'dead']), messages: count })
  .meta({ id: 'QueueDepth' })

/** Numbers for administrators. */
export function adminStatsRoutes(stats: StatsService): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/stats',
      summary: 'Users, sessions, conversations and messages in numbers',
      tag: 'admin',
      scope: 'admin',
      responses: { 200: statsSchema },
      handle: async () => answer(200, await stats.stats()),
    }),
    route({
      method: 'get',
      path: '/admin/queues',
      summary: 'How much waits in each queue of events',
      tag: 'admin',
      scope: 'admin',
      responses: { 200: z.object({ items: z.array(queueSchema) }) },
      handle: async () => answer(200, { items: await stats.queues() }),
    }),
  ]
}
