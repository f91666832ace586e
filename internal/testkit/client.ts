import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { SocketClient } from './socket-client.ts'

const PASSWORD = 'correct horse battery staple'

const signedIn = z.object({ user: z.object({ id: z.string() }), accessToken: z.string() })
const identified = z.object({ id: z.string() })

export interface Answer {
  status: number
  body: unknown
}

/** A person with an account, at whichever node of a cluster. */
export class Person {
  readonly id: string
  readonly token: string

  private constructor(id: string, token: string) {
    this.id = id
    this.token = token
  }

  static async register(url: string): Promise<Person> {
    const body = { username: `u${randomBytes(6).toString('hex')}`, password: PASSWORD }
    const answer = signedIn.parse((await call(url, 'POST', '/auth/register', { body })).body)
    return new Person(answer.user.id, answer.accessToken)
  }

  call(url: string, method: string, path: string, body?: unknown): Promise<Answer> {
    return call(url, method, path, { body, token: this.token })
  }

  /** Answers the new conversation's id. */
  async open(url: string, kind: 'direct' | 'group', others: Person[]): Promise<string> {
    const memberIds = others.map((other) => other.id)
    const name = kind === 'group' ? { name: 'Test group' } : {}
    const { body } = await this.call(url, 'POST', '/conversations', { kind, memberIds, ...name })
    return identified.parse(body).id
  }

  connect(url: string): Promise<SocketClient> {
    return SocketClient.connect(url, { token: this.token })
  }
}

export async function call(
  url: string,
  method: string,
  path: string,
  { body, token }: { body?: unknown; token?: string } = {},
): Promise<Answer> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}
