import { z } from 'zod'
import { inParallel, percentile, seconds } from '../client/measure.ts'
import { type BenchOptions, type Row, rounded, type Scenario, sized } from '../scenario.ts'
import { arrive } from '../service/arrival.ts'
import { Follower } from '../service/follower.ts'
import { driveSends, type Pair } from '../service/pairs.ts'
import { type Seat, seats } from '../service/seats.ts'
import { on, type Stack, startFullStack } from '../service/stack.ts'

const OPENING_AT_ONCE = 100
const SENDS_PER_SECOND = 100
const HEALED_WITHIN_SECONDS = 90
const TOLD_WITHIN_SECONDS = 20
const POLL_SECONDS = 0.1
/** What all rows are for: nothing of this may happen. */
const NEVER = ['sendsRefused', 'sendsFailed', 'lost', 'gaps', 'doubles', 'behind']

/** In each group two sockets that stay: one that goes on sending and one that hears it. */
function stayers(stack: Stack, taken: readonly Seat[]): Promise<Pair[]> {
  const groups = [...Map.groupBy(taken, ({ conversationId }) => conversationId)]
  return inParallel(groups.length, 4, async (index) => {
    const [conversationId = '', members = []] = groups[index] ?? []
    const topic = `chat:${conversationId}`
    const open = (seat: Seat | undefined) => arrive(stack, seat?.person.token ?? '', topic)
    return { topic, sender: await open(members[0]), receiver: await open(members[1]) }
  })
}

/** All sockets are lost at once and come back with their cursors, while others go on sending to them. */
async function reconnectStorm(stack: Stack, options: BenchOptions): Promise<Row[]> {
  const taken = await seats(stack, sized(5000, options, 20))
  const followers = taken.map(
    ({ person, conversationId }) => new Follower(`chat:${conversationId}`, person.token),
  )
  await inParallel(followers.length, OPENING_AT_ONCE, async (n) => {
    await followers[n]?.connect(stack)
  })
  const tries = followers.reduce((sum, follower) => sum + follower.tries, 0)
  const pairs = await stayers(stack, taken)
  const storm = (async () => {
    await seconds(options.smoke ? 0.5 : 3)
    for (const follower of followers) follower.lose()
    return allBack(stack, followers)
  })()
  const least = { warmUpSeconds: options.smoke ? 0.2 : 1, seconds: options.smoke ? 1 : 10 }
  const { measure } = await driveSends(stack, pairs, { rate: SENDS_PER_SECOND, ...least, until: storm })
  const resumedMs = await storm
  const behind = await untold(stack, taken, followers)
  return [
    {
      sockets: followers.length,
      healedSeconds: rounded(Math.max(...resumedMs) / 1000, 1),
      resumedP50Ms: percentile(resumedMs, 0.5),
      resumedP99Ms: percentile(resumedMs, 0.99),
      upgradesTried: followers.reduce((sum, follower) => sum + follower.tries, -tries),
      sendsPerSecond: measure.acknowledgedPerSecond,
      sendsRefused: measure.refused,
      sendsFailed: measure.failed,
      p50Ms: measure.percentile(0.5),
      p99Ms: measure.percentile(0.99),
      lost: followers.length - resumedMs.length,
      gaps: followers.reduce((sum, { gaps }) => sum + gaps, 0),
      doubles: followers.reduce((sum, { doubles }) => sum + doubles, 0),
      behind,
    },
  ]
}

/** How long each was away; those that did not come back in time are left out. */
async function allBack(stack: Stack, followers: readonly Follower[]): Promise<number[]> {
  const began = performance.now()
  const resumedMs: number[] = []
  const all = followers.map(async (follower) => {
    await follower.connect(stack)
    resumedMs.push(performance.now() - began)
  })
  await Promise.race([Promise.all(all), seconds(HEALED_WITHIN_SECONDS)])
  return [...resumedMs]
}

/** How many have in the end not heard of the last message of their conversation. */
async function untold({ url }: Stack, taken: readonly Seat[], followers: readonly Follower[]) {
  const heads = new Map<string, number>()
  for (const { person, conversationId } of taken) {
    if (heads.has(`chat:${conversationId}`)) continue
    const { body } = await person.call(url, 'GET', `/conversations/${conversationId}`)
    heads.set(`chat:${conversationId}`, z.object({ seq: z.int() }).parse(body).seq)
  }
  const behind = () => followers.filter(({ topic, seq }) => seq < (heads.get(topic) ?? 0)).length
  const until = performance.now() + TOLD_WITHIN_SECONDS * 1000
  while (behind() > 0 && performance.now() < until) await seconds(POLL_SECONDS)
  return behind()
}

export const reconnect: Scenario = {
  name: 'reconnect',
  about: '5,000 sockets lost at once, back with their cursors, while 100 messages/s are sent to them',
  budgets: NEVER.map((figure) => ({ where: {}, figure, atMost: 0 })),
  run: on(startFullStack, reconnectStorm),
}
