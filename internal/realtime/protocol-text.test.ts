import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../testkit/eventually.ts'
import { SocketClient } from '../testkit/socket-client.ts'
import { startToy, type Toy } from '../testkit/toy-realtime.ts'

const T = 'room:a'
let toy: Toy

beforeAll(async () => {
  toy = await startToy()
})
afterAll(() => toy.stop())

/** The very text of what is sent: V1 names its parts, and has `join_ref` only where there is one. */
describe.each([
  [
    '2.0.0',
    ['1', '1', T, 'phx_join', { greet: true }],
    [
      `["1","1","${T}","phx_reply",{"status":"ok","response":{"room":"a","early":false}}]`,
      `["1",null,"${T}","hello",{"room":"a"}]`,
      `[null,null,"${T}","news",{"n":1}]`,
    ],
  ],
  [
    '1.0.0',
    { topic: T, event: 'phx_join', ref: '1', join_ref: '1', payload: { greet: true } },
    [
      `{"topic":"${T}","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":"a","early":false}},"join_ref":"1"}`,
      `{"topic":"${T}","event":"hello","ref":null,"payload":{"room":"a"},"join_ref":"1"}`,
      `{"topic":"${T}","event":"news","ref":null,"payload":{"n":1}}`,
    ],
  ],
  [
    '1.0.0',
    { topic: T, event: 'phx_join', ref: '1', payload: { greet: true } },
    [
      `{"topic":"${T}","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":"a","early":false}}}`,
      `{"topic":"${T}","event":"hello","ref":null,"payload":{"room":"a"}}`,
      `{"topic":"${T}","event":"news","ref":null,"payload":{"n":1}}`,
    ],
  ],
])('as text, %s', (vsn, join, expected) => {
  it(`${JSON.stringify(join)}`, async () => {
    const client = await SocketClient.connect(toy.url, { token: 'ann', vsn, query: { api_key: '-', x: 'y' } })
    const heard: string[] = []
    client.socket.on('message', (data) => heard.push(String(data)))
    client.socket.send(JSON.stringify(join))
    await eventually(() => expect(heard).toHaveLength(2))
    toy.hub.broadcast(T, 'news', '{"n":1}')
    await eventually(() => expect(heard).toEqual(expected))
    await client.close()
  })
})

it('a socket without vsn speaks the first serialiser', async () => {
  const client = await SocketClient.connect(toy.url, { token: 'ann', vsn: '' })
  client.socket.send('{"topic":"phoenix","event":"heartbeat","ref":7,"payload":{}}')
  expect(await client.reply('phoenix', 7)).toEqual({ status: 'ok', response: {} })
  await client.close()
})
