import { createServer } from 'node:http'
import { RealtimeServer, RefusalError, refusal, TopicHub, TopicRegistry } from '../internal/realtime/index.ts'

const hub = new TopicHub()
const room = {
  name: 'room',
  match: (topic) => (topic.startsWith('room:') ? topic.slice(5) : null),
  assigns: (name) => ({ name }),
  join: async ({ connection }) => ({ response: { youAre: connection.actor.name } }),
  events: {
    shout: {
      handle({ topic, connection }, { text }) {
        if (typeof text !== 'string') throw new RefusalError(refusal('validation_failed', 'text is a string'))
        const shouted = JSON.stringify({ by: connection.actor.name, text })
        hub.broadcast(topic, 'shouted', shouted, { exceptConnectionId: connection.id })
        return {}
      },
    },
  },
}
const http = createServer((_request, response) => response.end('Sockets only.\n'))
const server = new RealtimeServer({
  ...{ http, hub, registry: new TopicRegistry().add(room), nodeId: 'one', onError: console.error },
  authenticate: async (token) => ({ name: token }), // here it is believed; a RefusalError refuses the upgrade
  keyOf: ({ name }) => name,
  toRefusal: () => null, // no error types of our own: whatever else is thrown is a bug
  allowOrigin: () => true,
  addressOf: ({ socket }) => socket.remoteAddress ?? '',
})
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
http.listen(Number(process.argv[2] ?? 4001), '127.0.0.1', () => console.log(http.address().port))
await server.run(stop.signal, () => undefined)
http.close()
