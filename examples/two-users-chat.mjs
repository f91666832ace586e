import { Socket } from 'phoenix'
import { WebSocket } from 'ws'
import { post, signIn } from './rest.mjs'

const url = process.argv[2] ?? 'http://localhost:4000'
const [anna, ben] = [await signIn(url, 'example-anna'), await signIn(url, 'example-ben')]
const direct = { kind: 'direct', memberIds: [ben.user.id] }
const { id } = await post(url, '/conversations', direct, anna.accessToken)

const done = (push) =>
  new Promise((ok, no) => push.receive('ok', ok).receive('error', no).receive('timeout', no))
async function join({ accessToken }) {
  const options = { params: { token: accessToken }, transport: WebSocket }
  const socket = new Socket(`${url.replace('http', 'ws')}/socket`, options)
  socket.connect()
  const chat = socket.channel(`chat:${id}`, {})
  await done(chat.join())
  return chat
}

const [annas, bens] = [await join(anna), await join(ben)]
const heard = new Promise((resolve) => bens.on('message:new', resolve))
await done(
  annas.push('message:send', { type: 'text', content: `Hello Ben, it is ${new Date().toISOString()}` }),
)
console.log('Ben hears:', (await heard).content)

const { items } = await done(bens.push('history', { limit: 10 }))
for (const { seq, content } of items) console.log(`${seq}. ${content}`)
for (const { socket } of [annas, bens]) socket.disconnect()
