import { describe, expect, it } from '@jest/globals'
import { EnvReader } from './env.ts'
import { mail, sms } from './senders.ts'

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
      from: 'RealChat <chat@example.org>',
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
})
