import { expect, it } from '@jest/globals'
import { Binary, clusterEnvironment } from '../internal/testkit/binary.ts'
import { Person } from '../internal/testkit/client.ts'
import { eventually } from '../internal/testkit/eventually.ts'

it('a node that is killed takes its users offline, and says when they were last seen', async () => {
  const env = await clusterEnvironment()
  const [living, dying] = [new Binary('api', env), new Binary('api', env)]
  const [one, two] = (await Promise.all([living.ready(), dying.ready()])).map(
    (port) => `http://127.0.0.1:${port}`,
  )
  if (!one || !two) throw new Error('unreachable')
  const [ann, bob] = [await Person.register(one), await Person.register(two)]
  const id = await ann.open(one, 'direct', [bob])
  const [anns, bobs] = [await ann.connect(one), await bob.connect(two)]
  await bobs.join(`chat:${id}`)
  await anns.join(`chat:${id}`)
  const state = await anns.find(({ event }) => event === 'presence_state', 'presence_state')
  expect(Object.keys(state.payload).toSorted()).toEqual([ann.id, bob.id].toSorted())
  dying.signal('SIGKILL')
  await dying.exited
  const left = () => anns.frames.find(({ event }) => event === 'presence_diff')?.payload['leaves']
  await eventually(() => expect(Object.keys(Object(left()))).toEqual([bob.id]), { withinMs: 60_000 })
  const offline = await anns.find(({ event }) => event === 'user:offline', 'user:offline')
  const { body } = await ann.call(one, 'GET', `/users/${bob.id}`)
  expect(offline.payload).toEqual({ userId: bob.id, at: Object(body).lastSeenAt })
  await anns.close()
}, 120_000)
