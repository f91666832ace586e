import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { SMTPServer } from 'smtp-server'
import twilio from 'twilio'
import { emailIdentity, type Identity, phoneIdentity } from '../../domain/identity.ts'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import { createLogger } from '../../platform/logger.ts'
import { eventually } from '../../testkit/eventually.ts'
import { PostOffice } from './courier.ts'
import type { Carrier } from './ports.ts'
import { SmtpCarrier } from './smtp.ts'
import { TwilioCarrier } from './twilio.ts'

const userId = uuidv7<UserId>()
const code = { kind: 'code', purpose: 'verify', code: '012345', minutes: 10 } as const
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function known(identity: Identity | null): Identity {
  if (!identity) throw new Error('not an address')
  return identity
}

const email = known(emailIdentity('ann@example.org'))
const phone = known(phoneIdentity('+15551234567'))
const nobody: Carrier = { carry: async () => Promise.reject(new Error('not configured')) }

function open(carriers: { email?: Carrier; phone?: Carrier }): PostOffice {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const office = new PostOffice({ email: nobody, phone: nobody, ...carriers, logger })
  const stop = new AbortController()
  const drained = office.run(stop.signal, () => {})
  cleanups.push(async () => {
    stop.abort()
    await drained
  })
  return office
}

/** A real SMTP server; the first `refuse` mails are refused for now. */
async function smtp(refuse = 0): Promise<{ url: string; mails: string[]; recipients: string[] }> {
  const mails: string[] = []
  const recipients: string[] = []
  let left = refuse
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (address, _session, done) => {
      recipients.push(address.address)
      done()
    },
    onData: (stream, _session, done) => {
      let mail = ''
      stream.on('data', (chunk) => {
        mail += chunk
      })
      stream.on('end', () => {
        if (left-- > 0) return done(Object.assign(new Error('greylisted'), { responseCode: 451 }))
        mails.push(mail)
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => new Promise((resolve) => server.close(() => resolve(undefined))))
  const { port } = server.server.address() as AddressInfo
  return { url: `smtp://127.0.0.1:${port}`, mails, recipients }
}

describe('PostOffice', () => {
  it('mails a code in text and HTML', async () => {
    const server = await smtp()
    open({ email: new SmtpCarrier(server.url, 'RealChat <chat@example.org>') }).send(userId, email, code)
    await eventually(() => expect(server.mails).toHaveLength(1))
    expect(server.recipients).toEqual(['ann@example.org'])
    expect(server.mails[0]).toContain('Subject: Confirm your address: 012345')
    expect(server.mails[0]).toContain('Content-Type: text/plain')
    expect(server.mails[0]).toMatch(/Content-Type: text\/html[\s\S]*<p>012345 is your =\s+RealChat code/)
  })

  it('tells of a sign-in, whatever its device calls itself', async () => {
    const server = await smtp()
    const notice = {
      kind: 'new_sign_in',
      device: '<img src=x>',
      address: '198.51.100.7',
      at: new Date('2026-01-02T03:04:05.678Z'),
    } as const
    open({ email: new SmtpCarrier(server.url, 'chat@example.org') }).send(userId, email, notice)
    await eventually(() => expect(server.mails).toHaveLength(1))
    expect(server.mails[0]).toContain('Subject: New sign-in to your account')
    expect(server.mails[0]).toContain('Time: 2026-01-02 03:04:05 UTC')
    expect(server.mails[0]).toContain('<p>Device: &lt;img src')
    expect(server.mails[0]).toContain('198.51.100.7')
  })

  it('repeats what was refused for now', async () => {
    const server = await smtp(1)
    open({ email: new SmtpCarrier(server.url, 'chat@example.org') }).send(userId, email, code)
    await eventually(() => expect(server.mails).toHaveLength(1))
    expect(server.recipients).toHaveLength(2)
  })

  it('sends what waits before it drains', async () => {
    const server = await smtp()
    const office = open({ email: new SmtpCarrier(server.url, 'chat@example.org') })
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
