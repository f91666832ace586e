import { randomUUID } from 'node:crypto'
import { expect, it } from '@jest/globals'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import type { PresenceStore } from '../../service/presence/ports.ts'
import { eventually } from '../../testkit/eventually.ts'

const LONG_MS = 60_000
const SHORT_MS = 150

/** What every PresenceStore does; `make` gives one with leases of this length. */
export function presenceStoreContract(make: (leaseMs: number) => PresenceStore): void {
  const user = () => uuidv7<UserId>()
  const node = async (store: PresenceStore) => {
    const name = `node-${randomUUID()}`
    await store.renew(name)
    return name
  }

  it('has a user online while any node has', async () => {
    const store = make(LONG_MS)
    const [a, b] = [await node(store), await node(store)]
    const [ann, bob] = [user(), user()]
    expect(await store.connect(ann, a)).toBe(true)
    expect(await store.connect(ann, b)).toBe(false)
    expect(await store.isOnline([ann, bob])).toEqual(new Set([ann]))
    expect(await store.disconnect(ann, a)).toBe(false)
    expect(await store.isOnline([ann, bob])).toEqual(new Set([ann]))
    expect(await store.disconnect(ann, b)).toBe(true)
    expect(await store.isOnline([ann, bob])).toEqual(new Set())
    expect(await store.isOnline([])).toEqual(new Set())
  })

  it('may be told twice', async () => {
    const store = make(LONG_MS)
    const a = await node(store)
    const ann = user()
    expect([await store.connect(ann, a), await store.connect(ann, a)]).toEqual([true, false])
    expect([await store.disconnect(ann, a), await store.disconnect(ann, a)]).toEqual([true, false])
  })

  it('tells exactly one of several nodes that the user came online', async () => {
    const store = make(LONG_MS)
    const nodes = await Promise.all(Array.from({ length: 8 }, () => node(store)))
    const ann = user()
    const came = await Promise.all(nodes.map((name) => store.connect(ann, name)))
    expect(came.filter(Boolean)).toHaveLength(1)
  })

  it('takes the users of a dead node offline, and answers each once', async () => {
    const store = make(SHORT_MS)
    const [living, dying] = [await node(store), await node(store)]
    const [both, only] = [user(), user()]
    for (const userId of [both, only]) await store.connect(userId, dying)
    await store.connect(both, living)
    await eventually(async () => {
      await store.renew(living)
      expect(await store.isOnline([both, only])).toEqual(new Set([both]))
    })
    const offline = (await Promise.all([store.expire(), store.expire()])).flat()
    expect(offline.filter((userId) => userId === only || userId === both)).toEqual([only])
    expect(await store.renew(dying)).toBe(false)
    expect(await store.isOnline([only])).toEqual(new Set())
  })

  it('says at renewal whether the lease had lasted', async () => {
    const store = make(LONG_MS)
    const name = `node-${randomUUID()}`
    expect([await store.renew(name), await store.renew(name)]).toEqual([false, true])
    const ann = user()
    await store.connect(ann, name)
    await store.retire(name)
    expect(await store.isOnline([ann])).toEqual(new Set())
    expect(await store.renew(name)).toBe(false)
  })
}
