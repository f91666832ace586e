import { createPrivateKey } from 'node:crypto'
import { domainToASCII } from 'node:url'
import type { EnvReader } from './env.ts'

export type MailConfig =
  | {
      kind: 'smtp'
      url: string
      from: { name: string; address: string }
      /** Takes unsubscribing by mail, beside the link. */
      unsubscribeTo: string | null
      dkim: DkimConfig | null
    }
  | { kind: 'outbox' }

export interface DkimConfig {
  domain: string
  selector: string
  /** PEM. */
  privateKey: string
}

export type SmsConfig =
  | { kind: 'twilio'; accountSid: string; authToken: string; from: string }
  | { kind: 'outbox' }

/**
 * DEV_OUTBOX=1 has the API show the developer outbox, codes included: only in development, at an address that
 * is this machine's alone.
 */
export function devOutbox(reader: EnvReader, publicUrl: string): 'on' | 'off' | 'refused' {
  if (reader.oneOf('DEV_OUTBOX', ['0', '1'], '0') === '0') return 'off'
  const host = URL.canParse(publicUrl) ? new URL(publicUrl).hostname : ''
  const isOwn = ['localhost', '127.0.0.1', '[::1]'].includes(host)
  return isOwn && reader.optional('NODE_ENV') === 'development' ? 'on' : 'refused'
}

/** SMTP_URL with MAIL_FROM, or the developer outbox. */
export function mail(reader: EnvReader): MailConfig {
  const url = reader.optional('SMTP_URL')
  if (url === undefined) return { kind: 'outbox' }
  const from = sender(reader)
  const unsubscribeTo = reader.optional('MAIL_UNSUBSCRIBE_TO') ?? null
  if (unsubscribeTo !== null && !ADDRESS.test(unsubscribeTo)) {
    reader.fault('MAIL_UNSUBSCRIBE_TO', 'must be an address such as unsubscribe@example.org')
  }
  return {
    kind: 'smtp',
    url: reader.url('SMTP_URL', url, ['smtp', 'smtps']),
    from,
    unsubscribeTo,
    dkim: dkim(reader, from.address),
  }
}

const ADDRESS = /^[^\s@<>",;:\\()[\]?&]+@[^\s@<>",;:\\()[\]?&/]+$/

/** `chat@example.org`, or with a name before it and the address in angle brackets. */
function sender(reader: EnvReader): { name: string; address: string } {
  const text = reader.required('MAIL_FROM', 'the sender of mails, for example RealChat <chat@example.org>')
  const named = /^\s*"?([^"<>\r\n]*?)"?\s*<([^<>]*)>\s*$/.exec(text)
  const [name, address] = named ? [named[1] ?? '', named[2] ?? ''] : ['', text.trim()]
  const at = address.lastIndexOf('@')
  const domain = domainToASCII(address.slice(at + 1))
  if (text !== '' && (!ADDRESS.test(address) || domain === '')) {
    reader.fault('MAIL_FROM', 'must be an address, or RealChat <chat@example.org>')
  }
  return { name, address: `${address.slice(0, at + 1)}${domain}` }
}

/** DKIM_PRIVATE_KEY with DKIM_SELECTOR; DKIM_DOMAIN is the sender's unless it is set. */
function dkim(reader: EnvReader, from: string): DkimConfig | null {
  const privateKey = reader.optional('DKIM_PRIVATE_KEY')
  if (privateKey === undefined) return null
  const selector = reader.required('DKIM_SELECTOR', 'the name under which the public key is in DNS')
  const domain = reader.optional('DKIM_DOMAIN') ?? from.slice(from.lastIndexOf('@') + 1)
  if (!isRsaKey(privateKey)) {
    reader.fault('DKIM_PRIVATE_KEY', 'must be an RSA key of 1024 bits or more in PEM; best by _FILE')
  }
  const label = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i
  if (selector !== '' && !label.test(selector)) reader.fault('DKIM_SELECTOR', 'must be a DNS name')
  if (!label.test(domain)) reader.fault('DKIM_DOMAIN', 'must be a domain')
  return { domain, selector, privateKey }
}

function isRsaKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 1024
  } catch {
    return false
  }
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
