import type { Pair } from './pairs.ts'

export interface Load {
  /** Sends unanswered at any time, per pair; each answer brings the next (closed loop). */
  outstanding?: number
  /** Sends a second over all pairs, answered or not (open loop). */
  rate?: number
  warmUpSeconds: number
  seconds: number
}

export interface Outcome {
  acknowledgedPerSecond: number
  deliveredPerSecond: number
  /** Sends that got an error reply. */
  failed: number
  /** From the push to its reply, at the client. */
  p50Ms: number
  p99Ms: number
}

const TEXT = 'x'.repeat(150)

/** Puts a load on the pairs and measures it after the warm-up. */
export async function drive(pairs: Pair[], load: Load): Promise<Outcome> {
  const run = new Run()
  const senders = pairs.map((pair) => run.listen(pair, load.rate === undefined))
  const stop = load.rate === undefined ? fill(senders, load.outstanding ?? 1) : pace(senders, load.rate)
  await seconds(load.warmUpSeconds)
  run.isCounting = true
  const began = performance.now()
  await seconds(load.seconds)
  run.isCounting = false
  const elapsed = (performance.now() - began) / 1000
  stop()
  run.isOver = true
  for (const { sender, receiver } of pairs) {
    sender.removeAllListeners('message')
    receiver.removeAllListeners('message')
  }
  return run.outcome(elapsed)
}

class Run {
  isCounting = false
  isOver = false
  readonly #latencies: number[] = []
  #failed = 0
  #delivered = 0
  #ref = 10

  /** Counts what the pair hears; answers how to send once. */
  listen(pair: Pair, repeats: boolean): () => void {
    const sentAt = new Map<string, number>()
    const send = () => {
      const ref = String(this.#ref++)
      sentAt.set(ref, performance.now())
      pair.sender.send(`["1","${ref}","${pair.topic}","message:send",{"type":"text","content":"${TEXT}"}]`)
    }
    pair.sender.on('message', (data) => {
      const text = data.toString()
      const ref = /^\["1","(\d+)"/.exec(text)?.[1]
      const began = ref === undefined ? undefined : sentAt.get(ref)
      if (ref === undefined || began === undefined) return
      sentAt.delete(ref)
      if (this.isCounting) this.#answered(text, performance.now() - began)
      if (repeats && !this.isOver) send()
    })
    pair.receiver.on('message', () => {
      if (this.isCounting) this.#delivered++
    })
    return send
  }

  outcome(elapsedSeconds: number): Outcome {
    const sorted = this.#latencies.sort((a, b) => a - b)
    const at = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1))
    return {
      acknowledgedPerSecond: Math.round(sorted.length / elapsedSeconds),
      deliveredPerSecond: Math.round(this.#delivered / elapsedSeconds),
      failed: this.#failed,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    }
  }

  #answered(text: string, latencyMs: number): void {
    if (text.includes('"status":"ok"')) this.#latencies.push(latencyMs)
    else this.#failed++
  }
}

function fill(senders: (() => void)[], outstanding: number): () => void {
  for (const send of senders) for (let n = 0; n < outstanding; n++) send()
  return () => {}
}

function pace(senders: (() => void)[], rate: number): () => void {
  let due = performance.now()
  let next = 0
  const timer = setInterval(() => {
    for (const now = performance.now(); due <= now; due += 1000 / rate) senders[next++ % senders.length]?.()
  }, 1)
  return () => clearInterval(timer)
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000))
}
