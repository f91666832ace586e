import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import twilio from 'twilio'
import { emailIdentity, type Identity, phoneIdentity } from '../../domain/identity.ts'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import { systemClock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { eventually } from '../../testkit/eventually.ts'
import { type SmtpStandIn, startSmtp } from '../../testkit/smtp.ts'
import { PostOffice } from './courier.ts'
import type { Carrier } from './ports.ts'
import { SmtpCarrier } from './smtp.ts'
import { TwilioCarrier } from './twilio.ts'

const userId = uuidv7<UserId>()
const code = { kind: 'code', purpose: 'verify', code: '012345', minutes: 10 } as const
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  Object.assign(ledger, { left: Number.POSITIVE_INFINITY, refusals: [] })
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function known(identity: Identity | null): Identity {
  if (!identity) throw new Error('not an address')
  return identity
}

const email = known(emailIdentity('ann@example.org'))
const phone = known(phoneIdentity('+15551234567'))
const nobody: Carrier = { carry: async () => Promise.reject(new Error('not configured')), close: () => {} }

/** Counts as it is told to. */
const ledger = {
  left: Number.POSITIVE_INFINITY,
  refusals: [] as string[],
  admit: async () => ledger.left-- > 0,
  refused: async (_userId: UserId, address: string) => void ledger.refusals.push(address),
}

function open(carriers: { email?: Carrier; phone?: Carrier }): PostOffice {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const office = new PostOffice({
    email: nobody,
    phone: nobody,
    ...carriers,
    ledger,
    clock: systemClock,
    logger,
  })
  const stop = new AbortController()
  const drained = office.run(stop.signal, () => {})
  cleanups.push(async () => {
    stop.abort()
    await drained
  })
  return office
}

const from = { name: '', address: 'chat@example.org' }

async function mailing(): Promise<{ server: SmtpStandIn; email: Carrier }> {
  const server = await startSmtp()
  cleanups.push(() => server.close())
  return { server, email: new SmtpCarrier({ url: server.url, from, unsubscribeTo: null, dkim: null }) }
}

describe('PostOffice', () => {
  it('mails a code in text and HTML', async () => {
    const { server, email: carrier } = await mailing()
    open({ email: carrier }).send(userId, email, code)
    await eventually(() => expect(server.mails).toHaveLength(1))
    const [mail] = server.mails
    expect(mail?.to).toEqual(['ann@example.org'])
    expect(mail?.header('subject')).toBe('Confirm your address: 012345')
    expect(mail?.parts.get('text/plain')).toContain('012345 is your RealChat code.')
    expect(mail?.parts.get('text/html')).toContain('012345 is your RealChat code.')
    expect(mail?.header('list-unsubscribe')).toBeNull()
  })

  it('tells of a sign-in, whatever its device calls itself', async () => {
    const { server, email: carrier } = await mailing()
    const notice = {
      kind: 'new_sign_in',
      device: '<img src=x>\nAddress: 192.0.2.1',
      address: '198.51.100.7',
      at: new Date('2026-01-02T03:04:05.678Z'),
    } as const
    open({ email: carrier }).send(userId, email, notice)
    await eventually(() => expect(server.mails).toHaveLength(1))
    const [mail] = server.mails
    expect(mail?.header('subject')).toBe('New sign-in to your account')
    expect(mail?.parts.get('text/plain')).toContain(
      'Device: <img src=x> Address: 192.0.2.1\nAddress: 198.51.100.7\nTime: 2026-01-02 03:04:05 UTC',
    )
    expect(mail?.parts.get('text/html')).toContain('&lt;img src=x&gt; Address')
  })

  it('repeats what was refused for now, under the same id', async () => {
    const { server, email: carrier } = await mailing()
    const seen: string[] = []
    server.answer = (stage) => {
      if (stage === 'data') seen.push(stage)
      return stage === 'data' && seen.length === 1 ? 'cut' : null
    }
    open({ email: carrier }).send(userId, email, code)
    await eventually(() => expect(server.mails).toHaveLength(2))
    expect(new Set(server.mails.map((mail) => mail.header('message-id'))).size).toBe(1)
  })

  it('does not repeat what is refused for good, and counts the address', async () => {
    const { server, email: carrier } = await mailing()
    server.answer = (stage) => (stage === 'to' ? '550 5.1.1 no such user' : null)
    open({ email: carrier }).send(userId, email, code)
    await eventually(() => expect(ledger.refusals).toEqual(['ann@example.org']))
    await cleanups.pop()?.()
    expect(server.tries()).toBe(1)
  })

  it('mails no more notices than a day may have, but every code', async () => {
    const { server, email: carrier } = await mailing()
    const office = open({ email: carrier })
    ledger.left = 2
    for (let i = 0; i < 5; i++) office.send(userId, email, { kind: 'password_changed' })
    for (let i = 0; i < 3; i++) office.send(userId, email, code)
    await cleanups.pop()?.()
    expect(server.mails).toHaveLength(5)
  })

  it('sends what waits before it drains', async () => {
    const { server, email: carrier } = await mailing()
    const office = open({ email: carrier })
    for (let i = 0; i < 20; i++) office.send(userId, email, { kind: 'password_changed' })
    await cleanups.pop()?.()
    expect(server.mails).toHaveLength(20)
  })

  it('texts a code through Twilio’s library', async () => {
    const bodies: string[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        bodies.push(`${request.url} ${request.headers.authorization} ${body}`)
        response.writeHead(201, { 'content-type': 'application/json' }).end('{"sid":"SM1"}')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as AddressInfo

    /** The library's own client, led to the stand-in. */
    class Loopback extends twilio.RequestClient {
      override request<T>(options: Parameters<typeof twilio.RequestClient.prototype.request<T>>[0]) {
        const { pathname, search } = new URL(options.uri)
        options.uri = `http://127.0.0.1:${port}${pathname}${search}`
        return super.request<T>(options)
      }
    }
    const account = { accountSid: 'AC0123', authToken: 'secret', from: '+15550000000' }
    open({ phone: new TwilioCarrier(account, new Loopback()) }).send(userId, phone, code)
    await eventually(() => expect(bodies).toHaveLength(1))
    const sent = new URLSearchParams(bodies[0]?.split(' ').at(-1))
    expect(bodies[0]).toMatch(/^\/2010-04-01\/Accounts\/AC0123\/Messages.json Basic /)
    expect(sent.get('To')).toBe('+15551234567')
    expect(sent.get('From')).toBe('+15550000000')
    expect(sent.get('Body')).toBe('012345 is your RealChat code. It works once, for 10 minutes.')
  })
})
