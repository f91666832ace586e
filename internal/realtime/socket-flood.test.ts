import { expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { SocketClient, UpgradeRefused } from '../testkit/socket-client.ts'
import { startToy } from '../testkit/toy-realtime.ts'

const TRIED = 3000
const LIMIT = 1000

it('lets 1,000 of 3,000 sockets from one address in, refuses the others, serves, and forgets them', async () => {
  const toy = await startToy({ limits: { socketsPerAddress: LIMIT } })
  const witness = await SocketClient.connect(toy.url, { token: 'witness' })
  await witness.join('room:a')
  const results: (SocketClient | unknown)[] = []
  let left = TRIED
  const open = async () => {
    while (left-- > 0) {
      results.push(await SocketClient.connect(toy.url, { token: 'eve' }).catch((error: unknown) => error))
    }
  }
  await Promise.all(Array.from({ length: 100 }, open))
  const accepted = results.filter((one) => one instanceof SocketClient)
  const refused = results.filter((one) => one instanceof UpgradeRefused)
  expect([accepted.length, refused.length]).toEqual([LIMIT - 1, TRIED - LIMIT + 1])
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]))
  expect(await witness.push('room:a', 'echo', { still: 'here' })).toEqual({ still: 'here' })
  for (const { socket } of accepted) socket.terminate()
  await eventually(() => expect(toy.server.size).toBe(1))
  const again = await SocketClient.connect(toy.url, { token: 'eve' })
  await again.close()
  await toy.stop()
})
