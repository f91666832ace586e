import { expect, it } from '@jest/globals'
import { type SessionId, type UserId, uuidv7 } from '../../domain/ids.ts'
import type { SessionCache, SessionState } from '../../service/session/ports.ts'

/** What every SessionCache does; `expire` makes the given milliseconds pass. */
export function sessionCacheContract(make: () => SessionCache, expire: (ms: number) => Promise<void>): void {
  const id = () => uuidv7<SessionId>()
  const state: SessionState = { userId: uuidv7<UserId>(), role: 'admin', status: 'active', ended: false }

  it('gives back what was put, the last of it', async () => {
    const cache = make()
    const session = id()
    expect(await cache.get(session)).toBeNull()
    await cache.put(session, state, 60_000)
    expect(await cache.get(session)).toEqual(state)
    const ended: SessionState = { ...state, role: 'user', status: 'suspended', ended: true }
    await cache.put(session, ended, 60_000)
    expect(await cache.get(session)).toEqual(ended)
  })

  it('forgets when told', async () => {
    const cache = make()
    const [one, two] = [id(), id()]
    await cache.put(one, state, 60_000)
    await cache.put(two, state, 60_000)
    await cache.forget([one, id()])
    expect(await cache.get(one)).toBeNull()
    expect(await cache.get(two)).toEqual(state)
  })

  it('forgets when the time is up', async () => {
    const cache = make()
    const session = id()
    await cache.put(session, state, 20)
    await expire(20)
    expect(await cache.get(session)).toBeNull()
  })
}
