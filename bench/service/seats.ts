import { Person } from '../../internal/testkit/client.ts'
import { inParallel } from '../client/measure.ts'
import type { Stack } from './stack.ts'

const SOCKETS_PER_USER = 10
const GROUP = 10
const AT_ONCE = 4

export interface Seat {
  person: Person
  conversationId: string
}

/** People in groups of ten; everybody has ten seats to take with a socket, of `count` in all. */
export async function seats({ url }: Stack, count: number): Promise<Seat[]> {
  const people = await inParallel(Math.ceil(count / SOCKETS_PER_USER), AT_ONCE, () => Person.register(url))
  const groups = Array.from({ length: Math.ceil(people.length / GROUP) }, (_, n) =>
    people.slice(n * GROUP, n * GROUP + GROUP),
  )
  const taken = await inParallel(groups.length, AT_ONCE, async (n) => {
    const [first, ...others] = groups[n] ?? []
    if (!first) return []
    const conversationId = await first.open(url, 'group', others)
    return [first, ...others].map((person): Seat => ({ person, conversationId }))
  })
  return Array.from({ length: SOCKETS_PER_USER }, () => taken.flat())
    .flat()
    .slice(0, count)
}
