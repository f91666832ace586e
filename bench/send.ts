import { parseArgs } from 'node:util'
import { openPairs, type Pair } from './pairs.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:4000' },
    pairs: { type: 'string', default: '100' },
    outstanding: { type: 'string', default: '4' },
    rate: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '3' },
  },
})

const TEXT = 'x'.repeat(150)

interface Tally {
  latencies: number[]
  failed: number
  delivered: number
  counting: boolean
}

/** Sends with a fixed number unanswered (closed loop) or at a fixed rate (open loop); answers acknowledgements. */
function drive(pair: Pair, tally: Tally, closed: boolean): () => void {
  const sentAt = new Map<string, number>()
  let ref = 10
  const send = () => {
    const name = String(ref++)
    sentAt.set(name, performance.now())
    pair.sender.send(`["1","${name}","${pair.topic}","message:send",{"type":"text","content":"${TEXT}"}]`)
  }
  pair.sender.on('message', (data) => {
    const text = data.toString()
    const name = /^\["1","(\d+)"/.exec(text)?.[1]
    const began = name ? sentAt.get(name) : undefined
    if (!name || began === undefined) return
    sentAt.delete(name)
    if (tally.counting) {
      if (text.includes('"status":"ok"')) tally.latencies.push(performance.now() - began)
      else tally.failed++
    }
    if (closed) send()
  })
  pair.receiver.on('message', () => {
    if (tally.counting) tally.delivered++
  })
  return send
}

const pairs = await openPairs(values.url, Number(values.pairs))
const tally: Tally = { latencies: [], failed: 0, delivered: 0, counting: false }
const rate = Number(values.rate)
const senders = pairs.map((pair) => drive(pair, tally, rate === 0))
let timer: NodeJS.Timeout | undefined
if (rate === 0) {
  for (const send of senders) for (let n = 0; n < Number(values.outstanding); n++) send()
} else {
  let due = performance.now()
  let next = 0
  timer = setInterval(() => {
    for (const now = performance.now(); due <= now; due += 1000 / rate) senders[next++ % senders.length]?.()
  }, 1)
}
const wait = (seconds: string) => new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
await wait(values.warmup)
tally.counting = true
const began = performance.now()
await wait(values.seconds)
tally.counting = false
const elapsed = (performance.now() - began) / 1000
clearInterval(timer)
const sorted = tally.latencies.sort((a, b) => a - b)
const at = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1))
console.log(
  JSON.stringify({
    acknowledgedPerSecond: Math.round(sorted.length / elapsed),
    deliveredPerSecond: Math.round(tally.delivered / elapsed),
    failed: tally.failed,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }),
)
for (const { sender, receiver } of pairs) {
  sender.terminate()
  receiver.terminate()
}
