import { describe, expect, it } from '@jest/globals'
import { adminStatsRoutes } from '../../internal/api/http/admin-stats.ts'
import { PostgresStats } from '../../internal/repository/postgres/admin-stats.ts'
import { Sql } from '../../internal/repository/postgres/sql.ts'
import type { QueueDepth } from '../../internal/service/admin/ports.ts'
import { STATS_AGE_MS, StatsService } from '../../internal/service/admin/stats.ts'
import { eventually } from '../../internal/testkit/eventually.ts'
import { createUsers } from '../../internal/testkit/fixtures.ts'
import { type ComposeOptions, identityWorld, register } from '../../internal/testkit/identity-world.ts'
import { waitingOf } from './account.ts'
import { composeIdentity } from './identity.ts'

const depths: QueueDepth[] = [
  { name: 'notify', kind: 'work', messages: 3 },
  { name: 'notify.retry.5s', kind: 'retry', messages: 5 },
  { name: 'notify.dead', kind: 'dead', messages: 7 },
]

const world = await identityWorld((options: ComposeOptions) => {
  const identity = composeIdentity(options)
  const stats = new StatsService({
    reader: new PostgresStats(new Sql(options.pool)),
    queues: { depths: async () => depths },
    clock: options.clock,
    sockets: () => 2,
    backlog: async (follower) => (follower === 'archive' ? 11 : 13),
  })
  return { ...identity, routes: [...identity.routes, ...adminStatsRoutes(stats)] }
})
const one = await world.startNode()
const get = (path: string, token: string) => one.call('GET', path, { token })

async function administrator(): Promise<string> {
  const { user, accessToken } = await register(one)
  await world.pool.query(`update users set role = 'admin' where id = $1`, [user.id])
  await eventually(async () => expect((await get('/admin/users', accessToken)).status).toBe(200))
  return accessToken
}

describe('numbers for administrators', () => {
  it('count what there is, anew when they are old', async () => {
    const token = await administrator()
    await createUsers(world.pool, 2)
    await world.pool.query(`update users set status = 'suspended' where id = (select id from users limit 1)`)
    const gone = await register(one)
    await one.call('POST', '/auth/logout', { token: gone.accessToken })
    const first = await get('/admin/stats', token)
    expect(first).toMatchObject({
      status: 200,
      body: {
        users: { active: 3, suspended: 1, deleted: 0, newToday: 4, activeToday: 1 },
        sessions: 1,
        sockets: 2,
        conversations: { direct: 0, group: 0 },
        messages: 0,
        relayBacklog: { archive: 11, events: 13 },
        erasures: 0,
      },
    })
    await createUsers(world.pool, 5)
    expect((await get('/admin/stats', token)).body).toEqual(first.body)
    world.skewMs = STATS_AGE_MS
    expect((await get('/admin/stats', token)).body.users.active).toBe(8)
  })

  it('say how much waits in the queues', async () => {
    expect(await get('/admin/queues', await administrator())).toMatchObject({
      status: 200,
      body: { items: depths },
    })
    expect(waitingOf(depths)).toBe(3)
  })

  it('are for them alone', async () => {
    const { accessToken } = await register(one)
    for (const path of ['/admin/stats', '/admin/queues'])
      expect(await get(path, accessToken)).toMatchObject({ status: 403 })
  })
})
