import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type UserId, uuidv7 } from '../../domain/ids.ts'
import { verifyDkim } from '../../testkit/mime.ts'
import { type SmtpAnswer, type SmtpStage, type SmtpStandIn, startSmtp } from '../../testkit/smtp.ts'
import { frame } from './frame.ts'
import { type Letter, Undelivered } from './ports.ts'
import { SmtpCarrier, type SmtpOptions } from './smtp.ts'

const userId = uuidv7<UserId>()
const SENDER = { name: 'RealChat', address: 'chat@example.org' }

describe('SmtpCarrier', () => {
  let server: SmtpStandIn
  const carriers: SmtpCarrier[] = []

  beforeEach(async () => {
    server = await startSmtp()
  })

  afterEach(async () => {
    for (const carrier of carriers.splice(0)) carrier.close()
    await server.close()
  })

  function open(more: Partial<SmtpOptions> = {}): SmtpCarrier {
    const options = { from: SENDER, unsubscribeTo: null, dkim: null, ...more }
    const carrier = new SmtpCarrier({ url: server.url, ...options })
    carriers.push(carrier)
    return carrier
  }

  function letter(more: Partial<Letter> = {}): Letter {
    const blocks = [{ kind: 'text' as const, text: 'Grüße, 你好' }]
    return { ...frame({ id: uuidv7(), subject: 'Hello', unsubscribeUrl: null, blocks }), ...more }
  }

  it('sends both parts under the letter’s own id, as nobody’s list and from nobody to answer', async () => {
    const sent = letter()
    await open().carry(userId, 'ann@example.org', sent)
    const [mail] = server.mails
    expect(mail).toMatchObject({ from: 'chat@example.org', to: ['ann@example.org'] })
    expect(mail?.header('from')).toBe('RealChat <chat@example.org>')
    expect(mail?.header('message-id')).toBe(`<${sent.id}@example.org>`)
    expect(mail?.header('auto-submitted')).toBe('auto-generated')
    expect(Date.parse(mail?.header('date') ?? '')).toBeGreaterThan(0)
    expect(mail?.header('list-unsubscribe')).toBeNull()
    expect(mail?.header('x-mailer')).toBeNull()
    expect(mail?.header('content-type')).toContain('multipart/alternative')
    expect(mail?.parts.get('text/plain')).toBe('Grüße, 你好\n')
    expect(mail?.parts.get('text/html')).toContain('Grüße, 你好')
  })

  it('offers to unsubscribe by link and by mail', async () => {
    const unsubscribeUrl = `https://chat.example.org/api/v1/unsubscribe/${'x'.repeat(32)}`
    await open({ unsubscribeTo: 'leave@example.org' }).carry(
      userId,
      'a@b.example',
      letter({ unsubscribeUrl }),
    )
    const [mail] = server.mails
    expect(mail?.header('list-unsubscribe')).toBe(
      `<${unsubscribeUrl}>, <mailto:leave@example.org?subject=unsubscribe>`,
    )
    expect(mail?.header('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')
  })

  it('signs what may not be changed on the way', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const dkim = { domain: 'example.org', selector: 'chat2026', privateKey: pem }
    const unsubscribeUrl = 'https://chat.example.org/api/v1/unsubscribe/abc'
    await open({ dkim }).carry(userId, 'ann@example.org', letter({ unsubscribeUrl, subject: 'Grüße' }))
    const raw = server.mails[0]?.raw ?? ''
    const { fields, ...signed } = verifyDkim(raw, publicKey)
    expect(signed).toEqual({ domain: 'example.org', selector: 'chat2026' })
    expect(fields).toEqual(
      expect.arrayContaining(['from', 'to', 'subject', 'list-unsubscribe', 'list-unsubscribe-post']),
    )
    expect(() => verifyDkim(raw.replace('unsubscribe/abc', 'unsubscribe/abd'), publicKey)).toThrow(
      'signature',
    )
    expect(() => verifyDkim(`${raw}more\r\n`, publicKey)).toThrow('body')
  })

  it('writes international domains as servers know them', async () => {
    await open().carry(userId, 'ann@bücher.example', letter())
    expect(server.mails[0]?.header('to')).toBe('ann@xn--bcher-kva.example')
    // The server shows it as people do.
    expect(server.mails[0]?.to).toEqual(['ann@bücher.example'])
  })

  it('keeps connections, and as few as are allowed', async () => {
    const carrier = open()
    const addresses = Array.from({ length: 30 }, (_, i) => `user${i}@example.org`)
    await Promise.all(addresses.map((address) => carrier.carry(userId, address, letter())))
    expect(server.mails.map(({ to }) => to[0]).sort()).toEqual(addresses.sort())
  })

  const retry = { kind: 'retry', misconfigured: false }
  it.each<[string, SmtpStage, SmtpAnswer, object]>([
    ['is busy', 'from', '421 4.3.2 later', retry],
    ['greylists', 'to', '450 4.2.0 greylisted', retry],
    ['is full', 'data', '452 4.3.1 no space', retry],
    ['knows no such user', 'to', '550 5.1.1 no such user', { kind: 'refused', noSuchAddress: true }],
    ['says no without a reason', 'to', '550 no', { kind: 'refused', noSuchAddress: true }],
    ['blocks us', 'to', '554 5.7.1 you are on a list', { kind: 'refused', noSuchAddress: false }],
    ['dislikes the mail', 'data', '554 5.7.1 spam', { kind: 'refused', noSuchAddress: false }],
    ['finds no mailbox late', 'data', '550 5.1.1 no such user', { kind: 'refused', noSuchAddress: true }],
    ['refuses our sender', 'from', '550 5.7.1 not you', { kind: 'retry', misconfigured: true }],
    ['goes away before it has the mail', 'to', 'cut', retry],
    ['goes away after it has the mail', 'data', 'cut', { kind: 'unknown' }],
    ['says nothing at first', 'from', 'silence', retry],
    ['says nothing at the end', 'data', 'silence', { kind: 'unknown' }],
  ])('tells what a server means that %s', async (_name, stage, told, failure) => {
    server.answer = (at) => (at === stage ? told : null)
    const carrying = open({ timeoutMs: 500 }).carry(userId, 'ann@example.org', letter())
    const error = await carrying.then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(Undelivered)
    expect(error).toMatchObject({ failure })
    expect(server.tries()).toBe(1)
    server.answer = () => null
    await open().carry(userId, 'bob@example.org', letter())
    expect(server.mails.at(-1)?.to).toEqual(['bob@example.org'])
  })

  it('tells no password to a server without TLS', async () => {
    const carrying = open({ url: server.url.replace('//', '//user:secret@') }).carry(
      userId,
      'a@b.example',
      letter(),
    )
    await expect(carrying).rejects.toMatchObject({ failure: { kind: 'retry', misconfigured: true } })
    expect(server.tries()).toBe(0)
  })

  it('knows that a mail did not leave where nobody listens', async () => {
    const carrier = open({ url: 'smtp://127.0.0.1:1' })
    await expect(carrier.carry(userId, 'ann@example.org', letter())).rejects.toMatchObject({ failure: retry })
  })

  it('lets nothing that people write leave its place', async () => {
    const carrier = open()
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.constantFrom(
        'x\r\nBcc: eve@example.org',
        '<script>alert(1)</script>',
        '"><img src=x onerror=alert(1)>',
        '\r\n.\r\nQUIT',
        '\u202egnp.exe',
        "' onmouseover='x",
        '</style></title><b>',
        '=?UTF-8?Q?x=0D=0ABcc:_eve@example.org?=',
      ),
    )
    await fc.assert(
      fc.asyncProperty(nasty, nasty, nasty, async (subject, by, text) => {
        server.mails.length = 0
        const blocks = [
          { kind: 'heading' as const, text: by, url: `https://chat.example.org/${encodeURIComponent(by)}` },
          { kind: 'quote' as const, by, text, note: '' },
          { kind: 'facts' as const, facts: [['Device', text]] as const },
        ]
        await carrier.carry(
          userId,
          'ann@example.org',
          frame({ id: uuidv7(), subject, unsubscribeUrl: null, blocks }),
        )
        const [mail] = server.mails
        const names = mail?.headers.map(([name]) => name) ?? []
        expect(names.filter((name) => !HEADERS.has(name))).toEqual([])
        expect(new Set(names).size).toBe(names.length)
        expect(mail?.to).toEqual(['ann@example.org'])
        expect(mail?.header('subject') ?? '').not.toMatch(/[\r\n\u202a-\u202e]/)
        const html = mail?.parts.get('text/html') ?? ''
        const tags = new Set(
          [...html.matchAll(/<\/?([a-z!][a-z0-9]*)/gi)].map(([, tag]) => tag?.toLowerCase()),
        )
        expect([...tags].filter((tag) => !TAGS.has(tag ?? ''))).toEqual([])
        expect(html.match(/<[^>]* on[a-z]+=/i)).toBeNull()
        expect(html.match(/<(img|link|script|iframe)\b|url\(/i)).toBeNull()
      }),
      { numRuns: 150 },
    )
  })
})

const HEADERS = new Set([
  'received',
  'message-id',
  'from',
  'to',
  'subject',
  'date',
  'mime-version',
  'content-type',
  'auto-submitted',
  'x-auto-response-suppress',
])
const TAGS = new Set(
  '!doctype html head meta title style body div p a b bdi br span'.split(' ').concat(['h1', 'hr']),
)
