import { describe, expect, it } from '@jest/globals'
import { eventually } from '../../internal/testkit/eventually.ts'
import { identityWorld, login, me, refresh, register } from '../../internal/testkit/identity-world.ts'
import { runCommand } from '../admin/commands.ts'
import { composeIdentity } from './identity.ts'

const world = await identityWorld(composeIdentity)
const one = await world.startNode()

const command = (...args: string[]) => runCommand(one.identity, args)
const get = (path: string, token: string) => one.call('GET', path, { token })
const patch = (token: string, id: string, body: unknown) =>
  one.call('PATCH', `/admin/users/${id}`, { token, body })

/** The first administrator is made by command. */
async function administrator() {
  const signedIn = await register(one)
  expect(await command('grant', signedIn.user.username)).toMatchObject({ ok: true })
  await eventually(async () => expect((await get('/admin/users', signedIn.accessToken)).status).toBe(200))
  return signedIn
}

describe('administration', () => {
  it('is given and taken by command', async () => {
    const { user, accessToken } = await register(one)
    expect(await get('/admin/users', accessToken)).toMatchObject({ status: 403 })
    const granted = await command('grant', user.username.toUpperCase())
    expect(granted.lines).toEqual([`${user.username} (${user.id}) is an admin now.`])
    await eventually(async () => expect((await get('/admin/users', accessToken)).status).toBe(200))
    expect((await me(one, accessToken)).body.role).toBe('admin')
    expect(await command('revoke', user.username)).toMatchObject({ ok: true })
    await eventually(async () => expect((await get('/admin/users', accessToken)).status).toBe(403))
    expect(await command('grant', 'nobody-at-all')).toMatchObject({ ok: false })
    expect(await command('grant')).toMatchObject({ ok: false, usage: true })
    expect(await command('drop', 'everything')).toMatchObject({ ok: false, usage: true })
  })

  it('lists users page by page, with filters', async () => {
    const { accessToken, user } = await administrator()
    const others = [await register(one), await register(one)]
    const first = (await get('/admin/users?limit=1', accessToken)).body
    expect(first.items).toMatchObject([{ id: others[1].user.id, status: 'active' }])
    const second = (await get(`/admin/users?limit=1&cursor=${first.nextCursor}`, accessToken)).body
    expect(second.items).toMatchObject([{ id: others[0].user.id }])
    const admins = (await get('/admin/users?role=admin', accessToken)).body
    expect(admins.items.map(({ id }: { id: string }) => id)).toContain(user.id)
    expect(JSON.stringify(admins)).not.toContain(others[0].user.id)
    const named = (await get(`/admin/users?query=${others[0].user.username}`, accessToken)).body
    expect(named.items).toHaveLength(1)
  })

  it('suspends, which ends everything, and reinstates', async () => {
    const { accessToken, user: admin } = await administrator()
    const { user, ...held } = await register(one)
    const twice = { status: 'active', suspended: true }
    expect(await patch(accessToken, user.id, twice)).toMatchObject({ status: 400 })
    const suspended = await patch(accessToken, user.id, { suspended: true })
    expect(suspended).toMatchObject({ status: 200, body: { id: user.id, status: 'suspended' } })
    expect(world.ended).toContain(held.session.id)
    expect((await me(one, held.accessToken)).status).toBe(403)
    expect(await refresh(one, held.refreshToken)).toMatchObject({ status: 401 })
    expect(await login(one, user.username)).toMatchObject({ status: 403 })
    await patch(accessToken, user.id, { status: 'active' })
    expect(await login(one, user.username)).toMatchObject({ status: 200 })
    expect(await world.audited('admin.user_change', admin.id)).toBe(2)
  })

  it('suspends programs that hold a personal token, until reinstated', async () => {
    const { accessToken } = await administrator()
    const { user, accessToken: own } = await register(one)
    const made = await one.call('POST', '/auth/tokens', {
      token: own,
      body: { name: 'program', scopes: ['profile'] },
    })
    const { id, token } = made.body
    const since = new Date(Date.now() - 1000)
    const ends = async () => (await one.identity.sessions.endedSince(since)).ids
    expect(await ends()).not.toContain(id)
    expect(await one.identity.sessions.lapsed([id])).toEqual([])
    await patch(accessToken, user.id, { status: 'suspended' })
    // Its sockets are closed by this, on every node.
    expect(await ends()).toContain(id)
    expect(await one.identity.sessions.lapsed([id])).toEqual([id])
    await patch(accessToken, user.id, { status: 'active' })
    expect(await ends()).not.toContain(id)
    await eventually(async () => expect(await me(one, token)).toMatchObject({ status: 200 }))
  })

  it('makes every conversation of whom it suspends or reinstates authorise anew', async () => {
    const { accessToken } = await administrator()
    const { user } = await register(one)
    const others = 501
    await world.pool.query(
      `with made as (
         insert into conversations (id, kind, name, member_count, created_by)
         select gen_random_uuid(), 'group', 'g', 1, $1 from generate_series(1, $2) returning id),
       heads as (insert into heads (conversation_id, epoch) select id, 'e' from made)
       insert into conversation_members
         (conversation_id, user_id, role, joined_seq, delivered_seq, read_seq, read_ordinal)
       select id, $1, 'owner', 0, 0, 0, 0 from made`,
      [user.id, others],
    )
    const versions = async () => {
      const { rows } = await world.pool.query(
        `select h.member_version as version, count(*)::int from heads h
         join conversation_members m using (conversation_id) where m.user_id = $1 group by 1`,
        [user.id],
      )
      return rows
    }
    await patch(accessToken, user.id, { status: 'suspended' })
    expect(await versions()).toEqual([{ version: 2, count: others }])
    await patch(accessToken, user.id, { role: 'user' })
    expect(await versions()).toEqual([{ version: 2, count: others }])
    await patch(accessToken, user.id, { status: 'active' })
    expect(await versions()).toEqual([{ version: 3, count: others }])
  })

  it('cannot suspend or demote oneself, nor change what is not there', async () => {
    const { accessToken, user } = await administrator()
    expect(await patch(accessToken, user.id, { role: 'user' })).toMatchObject({ status: 409 })
    const nobody = '01900000-0000-7000-8000-000000000000'
    expect(await patch(accessToken, nobody, { role: 'user' })).toMatchObject({ status: 404 })
    expect(await patch(accessToken, user.id, { status: 'deleted' })).toMatchObject({ status: 400 })
  })
})

describe('the audit log', () => {
  it('is read with filters, the newest first', async () => {
    const { accessToken } = await administrator()
    const { user, accessToken: own } = await register(one)
    await login(one, user.username)
    await login(one, user.username, 'wrong password')
    const read = async (query: string) => (await get(`/admin/audit?${query}`, accessToken)).body
    const acts = async (query: string) =>
      (await read(query)).items.map(({ action }: { action: string }) => action)
    expect(await acts(`actorId=${user.id}`)).toEqual(['auth.sign_in', 'auth.register'])
    expect(await acts(`actorId=${user.id}&action=auth.register`)).toEqual(['auth.register'])
    const refused = (await read(`target=${user.id}&outcome=refused`)).items
    expect(refused).toMatchObject([{ action: 'auth.sign_in', actorId: null, address: '127.0.0.1' }])
    expect(await acts(`actorId=${user.id}&to=2020-01-01T00:00:00Z`)).toEqual([])
    const first = await read(`actorId=${user.id}&limit=1`)
    expect(await acts(`actorId=${user.id}&limit=1&cursor=${first.nextCursor}`)).toEqual(['auth.register'])
    expect(await get('/admin/audit', own)).toMatchObject({ status: 403 })
    expect(await get("/admin/audit?target=';drop table users--", accessToken)).toMatchObject({ status: 200 })
  })

  it('cannot be changed, emptied or thinned out by the application', async () => {
    await register(one)
    for (const statement of [
      `update audit_log set action = 'x.y' where id = 1`,
      'delete from audit_log where id = 1',
      'truncate audit_log',
    ])
      await expect(world.pool.query(statement)).rejects.toThrow('append-only')
  })

  it('has no gaps or forks, whoever writes at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => register(one)))
    expect(await one.identity.verifyAudit()).toMatchObject({ fault: null })
  })

  it('shows what was changed, removed or cut off by who has the database', async () => {
    await register(one)
    const { head } = await one.identity.verifyAudit()
    const note = `${head?.id}:${head?.hash}`
    await register(one)
    expect(await command('audit', 'verify', note)).toMatchObject({ ok: true })
    expect((await command('audit', 'verify', `1:${'0'.repeat(64)}`)).ok).toBe(false)

    /** Tampers as a superuser would, looks, and undoes it. */
    async function tampered(statement: string): Promise<string> {
      await world.pool.query('alter table audit_log disable trigger all')
      await world.pool.query('create table kept as select * from audit_log')
      await world.pool.query(statement)
      const { lines } = await command('audit', 'verify', note)
      await world.pool.query('delete from audit_log')
      await world.pool.query('insert into audit_log select * from kept')
      await world.pool.query('drop table kept')
      await world.pool.query('alter table audit_log enable trigger all')
      return lines[0] ?? ''
    }
    expect(await tampered(`update audit_log set address = '10.0.0.1' where id = 2`)).toContain('Entry 2')
    expect(await tampered('delete from audit_log where id = 3')).toContain('entries 3 to 3 are missing')
    const cut = `delete from audit_log where id >= ${head?.id}`
    expect(await tampered(cut)).toContain('is not the one that was noted')
    expect(await command('audit', 'verify', note)).toMatchObject({ ok: true })
  })
})

it('rotates the signing key by command', async () => {
  const { accessToken } = await register(one)
  expect((await command('keys', 'rotate')).lines[0]).toMatch(/^Access tokens are signed with \S+ from now on/)
  expect(await me(one, accessToken)).toMatchObject({ status: 200 })
})
