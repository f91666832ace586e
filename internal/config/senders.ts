import type { EnvReader } from './env.ts'

export type MailConfig = { kind: 'smtp'; url: string; from: string } | { kind: 'outbox' }

export type SmsConfig =
  | { kind: 'twilio'; accountSid: string; authToken: string; from: string }
  | { kind: 'outbox' }

/** SMTP_URL with MAIL_FROM, or the developer outbox. */
export function mail(reader: EnvReader): MailConfig {
  const url = reader.optional('SMTP_URL')
  if (url === undefined) return { kind: 'outbox' }
  const from = reader.required('MAIL_FROM', 'the sender of mails, for example RealChat <chat@example.org>')
  return { kind: 'smtp', url: reader.url('SMTP_URL', url, ['smtp', 'smtps']), from }
}

/** SMS_URL `twilio://ACCOUNT_SID:AUTH_TOKEN@api.twilio.com?from=%2B15551234567`, or the developer outbox. */
export function sms(reader: EnvReader): SmsConfig {
  const text = reader.optional('SMS_URL')
  if (text === undefined) return { kind: 'outbox' }
  reader.url('SMS_URL', text, ['twilio'])
  const url = URL.canParse(text) ? new URL(text) : null
  const accountSid = decodeURIComponent(url?.username ?? '')
  const authToken = decodeURIComponent(url?.password ?? '')
  const from = url?.searchParams.get('from') ?? ''
  if (!/^AC/.test(accountSid) || authToken === '' || !/^(\+[1-9]\d{6,14}|MG\w+)$/.test(from)) {
    reader.fault(
      'SMS_URL',
      'must be twilio://AC...:token@api.twilio.com?from=%2B15551234567 (or a MG... service)',
    )
  }
  return { kind: 'twilio', accountSid, authToken, from }
}
