import type { Container } from 'inversify'
import { DomainError } from '../../internal/domain/errors.ts'
import { type ClientId, type SessionId, uuidv7 } from '../../internal/domain/ids.ts'
import { type Actor, SCOPES } from '../../internal/domain/user.ts'
import { PLAIN } from '../../internal/service/message/messages.ts'
import { ID } from './identifiers.ts'

const PASSWORD = 'realchat-demo'
const PEOPLE = [
  { username: 'ada', displayName: 'Ada Lovelace' },
  { username: 'grace', displayName: 'Grace Hopper' },
  { username: 'alan', displayName: 'Alan Turing' },
]
const GROUP_LINES = [
  'Welcome! This group was made by --demo.',
  'Every message here went through the log, the archive and the event queue.',
  'Open a second window as grace and say hello.',
  'Stop the server and start it again: all of this will still be here.',
]
const DIRECT_LINES = [
  'Hi Grace, have you tried the Phoenix client yet?',
  'Twenty lines, and it reconnects by itself.',
]

/** Sample users and history for an empty server; answers what to tell the operator. */
export async function seed(container: Container): Promise<string[]> {
  const actors = await register(container)
  const signIn = `Sample users: ${PEOPLE.map(({ username }) => username).join(', ')}; password ${PASSWORD}`
  if (!actors) return [`The sample users are there already. ${signIn}`]
  const [ada, grace, alan] = actors
  if (!ada || !grace || !alan) throw new Error('three sample users')
  const conversations = container.get(ID.conversations)
  const shared = { description: null, clientId: null }
  const group = await conversations.create(ada, {
    ...shared,
    kind: 'group',
    name: 'Difference Engine',
    memberIds: [grace.userId, alan.userId],
  })
  const direct = await conversations.create(ada, {
    ...shared,
    kind: 'direct',
    name: null,
    memberIds: [grace.userId],
  })
  await say(container, [ada, grace, alan], group.conversation.id, GROUP_LINES)
  await say(container, [ada], direct.conversation.id, DIRECT_LINES)
  return [signIn]
}

/** Null when they are registered already. */
async function register(container: Container): Promise<Actor[] | null> {
  const { auth } = container.get(ID.identity)
  const scopes = new Set(SCOPES.filter((scope) => scope !== 'admin'))
  const actors: Actor[] = []
  for (const person of PEOPLE) {
    try {
      const device = { name: 'demo', address: '127.0.0.1' }
      const { user, session } = await auth.register({ ...person, password: PASSWORD }, device)
      actors.push({ userId: user.id, sessionId: session.id as SessionId, scopes })
    } catch (error) {
      if (error instanceof DomainError && error.code === 'conflict') return null
      throw error
    }
  }
  return actors
}

async function say(
  container: Container,
  actors: Actor[],
  conversationId: Parameters<ReturnType<typeof messagesOf>['send']>[1],
  lines: string[],
): Promise<void> {
  for (const [n, content] of lines.entries()) {
    const actor = actors[n % actors.length]
    if (!actor) return
    const input = { ...PLAIN, clientId: uuidv7<ClientId>(), content }
    await messagesOf(container).send(actor, conversationId, input)
  }
}

function messagesOf(container: Container) {
  return container.get(ID.messages)
}
