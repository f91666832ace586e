import { type Failure, Undelivered } from './ports.ts'

const REASON_MAX = 150

/** What nodemailer's error says about the mail; `begun` when some of its content was sent. */
export function undelivered(error: unknown, begun: boolean): Undelivered {
  const { code, command, responseCode, response, message } = fieldsOf(error)
  const said = (response ?? message).replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, REASON_MAX)
  return new Undelivered(said, failureOf({ code, command, responseCode, response, begun }), error)
}

interface Fault {
  code: string
  command: string
  responseCode: number | null
  response: string | null
  begun: boolean
}

/** RFC 5321: 4yz may be tried again, 5yz not; 3463 says by its second number whether it is the address. */
function failureOf({ code, command, responseCode, response, begun }: Fault): Failure {
  if (code === 'EAUTH' || code === 'ENOAUTH' || code === 'ETLS') return { kind: 'retry', misconfigured: true }
  if (responseCode === null) {
    // Recipients that cannot be written in an envelope never reach the server.
    if (code === 'EENVELOPE') return { kind: 'refused', noSuchAddress: true }
    return begun ? { kind: 'unknown' } : { kind: 'retry', misconfigured: false }
  }
  if (responseCode < 500) return { kind: 'retry', misconfigured: false }
  if (command === 'RCPT TO') return { kind: 'refused', noSuchAddress: !isPolicy(response) }
  if (command === 'DATA') return { kind: 'refused', noSuchAddress: isAddress(response) }
  // The greeting, or our own sender: no other mail would fare better until somebody mends it.
  return { kind: 'retry', misconfigured: true }
}

function isAddress(response: string | null): boolean {
  return /^5\d\d[ -]5\.(1\.[0-3]|2\.1)\b/.test(response ?? '')
}

/** Of security or policy, as when the server's own address is on a list. */
function isPolicy(response: string | null): boolean {
  return /^5\d\d[ -]5\.7\./.test(response ?? '')
}

function fieldsOf(error: unknown): Omit<Fault, 'begun'> & { message: string } {
  const fields: Record<string, unknown> = error instanceof Error ? { ...error } : {}
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : null)
  const { responseCode } = fields
  return {
    code: text('code') ?? '',
    command: text('command') ?? '',
    responseCode: typeof responseCode === 'number' ? responseCode : null,
    response: text('response'),
    message: error instanceof Error ? error.message : String(error),
  }
}
