import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { EnvReader } from './env.ts'
import { devOutbox, mail, sms } from './senders.ts'

describe('developer outbox', () => {
  const shown = (env: Record<string, string>, url = 'http://localhost:4000') =>
    devOutbox(new EnvReader(env), url)

  it('is shown in development, when asked for', () => {
    expect(shown({ DEV_OUTBOX: '1', NODE_ENV: 'development' })).toBe('on')
    expect(shown({ NODE_ENV: 'development' })).toBe('off')
    expect(shown({ DEV_OUTBOX: '1' })).toBe('refused')
    expect(shown({ DEV_OUTBOX: '1', NODE_ENV: 'production' })).toBe('refused')
    expect(shown({ DEV_OUTBOX: '1', NODE_ENV: 'development' }, 'https://chat.example.org')).toBe('refused')
  })
})

describe('senders', () => {
  it('go to the developer outbox when nothing is set', () => {
    const reader = new EnvReader({})
    expect([mail(reader), sms(reader)]).toEqual([{ kind: 'outbox' }, { kind: 'outbox' }])
    reader.finish()
  })

  it('are read from their URLs', () => {
    const reader = new EnvReader({
      SMTP_URL: 'smtp://u:p@mail.example:25',
      MAIL_FROM: 'RealChat <chat@example.org>',
      SMS_URL: 'twilio://AC01:to%2Fken@api.twilio.com?from=%2B15551234567',
    })
    expect(mail(reader)).toEqual({
      kind: 'smtp',
      url: 'smtp://u:p@mail.example:25',
      from: { name: 'RealChat', address: 'chat@example.org' },
      unsubscribeTo: null,
      dkim: null,
    })
    expect(sms(reader)).toEqual({
      kind: 'twilio',
      accountSid: 'AC01',
      authToken: 'to/ken',
      from: '+15551234567',
    })
    reader.finish()
  })

  it('name every variable at fault', () => {
    const reader = new EnvReader({ SMTP_URL: 'http://x', SMS_URL: 'twilio://AC01@x' })
    mail(reader)
    sms(reader)
    expect(() => reader.finish()).toThrow(/MAIL_FROM: [^\n]*\nSMTP_URL: [^\n]*\nSMS_URL: /)
  })

  const SMTP = { SMTP_URL: 'smtp://mail.example', MAIL_FROM: 'chat@example.org' }
  const pem = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString()

  it('sign with a key from a file, for the sender’s domain', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'dkim-')), 'key.pem')
    const key = pem(1024)
    writeFileSync(file, key)
    const reader = new EnvReader({
      ...SMTP,
      MAIL_FROM: '"Chat" <chat@Bücher.example>',
      MAIL_UNSUBSCRIBE_TO: 'leave@example.org',
      DKIM_PRIVATE_KEY_FILE: file,
      DKIM_SELECTOR: 'chat2026',
    })
    expect(mail(reader)).toMatchObject({
      from: { name: 'Chat', address: 'chat@xn--bcher-kva.example' },
      unsubscribeTo: 'leave@example.org',
      dkim: { domain: 'xn--bcher-kva.example', selector: 'chat2026', privateKey: key.trim() },
    })
    reader.finish()
  })

  it.each([
    ['a sender that is no address', { MAIL_FROM: 'RealChat' }, /^MAIL_FROM: /],
    ['a sender with a second line', { MAIL_FROM: 'A\r\nBcc: <b@example.org>' }, /^MAIL_FROM: /],
    ['two senders', { MAIL_FROM: 'a@example.org, b@example.org' }, /^MAIL_FROM: /],
    ['a way out that is no address', { MAIL_UNSUBSCRIBE_TO: 'a@b>, <x' }, /^MAIL_UNSUBSCRIBE_TO: /],
    ['a key without its name', { DKIM_PRIVATE_KEY: pem(1024) }, /^DKIM_SELECTOR: /],
    ['no key', { DKIM_PRIVATE_KEY: 'x', DKIM_SELECTOR: 's' }, /^DKIM_PRIVATE_KEY: /],
    ['a short key', { DKIM_PRIVATE_KEY: pem(512), DKIM_SELECTOR: 's' }, /^DKIM_PRIVATE_KEY: /],
    ['a name that is none', { DKIM_PRIVATE_KEY: pem(1024), DKIM_SELECTOR: 's; t' }, /^DKIM_SELECTOR: /],
  ])('refuse %s', (_name, env, fault) => {
    const reader = new EnvReader({ ...SMTP, ...env })
    mail(reader)
    expect(() => reader.finish()).toThrow(fault)
  })
})
