import { expect, it } from '@jest/globals'
import { unavailable } from '../../domain/errors.ts'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import { systemClock } from '../../platform/clock.ts'
import { MemoryPresenceStore } from '../../repository/memory/presence.ts'
import { eventually } from '../../testkit/eventually.ts'
import { Presence } from './presence.ts'

/** A store that can be away. */
class FaultyStore extends MemoryPresenceStore {
  away = false
  override async connect(userId: UserId, node: string): Promise<boolean> {
    this.#check()
    return super.connect(userId, node)
  }
  override async isOnline(userIds: readonly UserId[]): Promise<Set<UserId>> {
    this.#check()
    return super.isOnline(userIds)
  }
  #check(): void {
    if (this.away) throw unavailable('Redis')
  }
}

async function start(store: MemoryPresenceStore, node: string) {
  const log: string[] = []
  const presence = new Presence({
    store,
    node,
    onError: () => log.push('error'),
    onOnline: () => log.push('online'),
    onOffline: () => log.push('offline'),
    renewMs: 10,
  })
  const stop = new AbortController()
  const ready = Promise.withResolvers<void>()
  const run = presence.run(stop.signal, ready.resolve)
  await ready.promise
  return {
    presence,
    log,
    stop: async () => {
      stop.abort()
      await run
    },
  }
}

const ann = uuidv7<UserId>()

it('counts sockets over nodes: online with the first, offline with the last', async () => {
  const store = new MemoryPresenceStore(systemClock)
  const [a, b] = [await start(store, 'a'), await start(store, 'b')]
  await a.presence.connected(ann)
  await a.presence.connected(ann)
  await b.presence.connected(ann)
  await a.presence.disconnected(ann)
  await a.presence.disconnected(ann)
  expect(await a.presence.isOnline([ann])).toEqual(new Set([ann]))
  await b.presence.disconnected(ann)
  expect(await a.presence.isOnline([ann])).toEqual(new Set())
  expect([a.log, b.log]).toEqual([['online'], ['offline']])
  await Promise.all([a.stop(), b.stop()])
})

it('ends as the count does, however fast it flaps', async () => {
  const store = new MemoryPresenceStore(systemClock)
  const { presence, stop } = await start(store, 'a')
  const told: Promise<void>[] = []
  for (let n = 0; n < 50; n++) told.push(presence.connected(ann), presence.disconnected(ann))
  await Promise.all([...told, presence.connected(ann)])
  expect(await store.isOnline([ann])).toEqual(new Set([ann]))
  await stop()
  expect(await store.isOnline([ann])).toEqual(new Set())
})

it('tells the store again what it could not be told, or has lost', async () => {
  const store = new FaultyStore(systemClock)
  const { presence, log, stop } = await start(store, 'a')
  store.away = true
  await presence.connected(ann)
  expect(await presence.isOnline([ann])).toEqual(new Set([ann]))
  expect(log).toContain('error')
  store.away = false
  await eventually(async () => expect(await store.isOnline([ann])).toEqual(new Set([ann])))
  await store.retire('a')
  await store.expire()
  await eventually(async () => expect(await store.isOnline([ann])).toEqual(new Set([ann])))
  await stop()
})
