import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { type ParsedMail, parseMail } from './mime.ts'
import { startProxy } from './proxy.ts'

export type SmtpStage = 'from' | 'to' | 'data'

export interface ReceivedMail extends ParsedMail {
  raw: string
  from: string
  to: string[]
}

/**
 * What the server does at a stage: nothing special, an answer of its own (`421 4.3.2 later`), the connection
 * cut, or silence. Mails that were read count as received even if the answer was `cut` or silence.
 */
export type SmtpAnswer = string | 'cut' | 'silence' | null

export interface SmtpStandIn {
  url: string
  mails: ReceivedMail[]
  /** Mails begun, by their senders' commands. */
  tries(): number
  /** Called at each stage. */
  answer: (stage: SmtpStage, address: string) => SmtpAnswer
  close(): Promise<void>
}

/** A real SMTP server that does as it is told. */
export async function startSmtp(): Promise<SmtpStandIn> {
  let tries = 0
  const standIn = { mails: [] as ReceivedMail[], answer: (): SmtpAnswer => null }
  const settle = (told: SmtpAnswer, done: (error?: Error | null) => void) => {
    if (told === 'cut') return proxy.cut()
    if (told === 'silence') return
    if (told === null) return done()
    done(Object.assign(new Error(told.slice(4)), { responseCode: Number(told.slice(0, 3)) }))
  }
  const result: SmtpStandIn = Object.assign(standIn, {
    url: '',
    tries: () => tries,
    answer: (): SmtpAnswer => null,
    close: async () => {
      await proxy.close()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  })
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    closeTimeout: 100,
    onMailFrom: ({ address }, _session, done) => {
      tries++
      settle(result.answer('from', address), done)
    },
    onRcptTo: ({ address }, _session, done) => settle(result.answer('to', address), done),
    onData: (stream, { envelope }, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const to = envelope.rcptTo.map(({ address }) => address)
        const told = result.answer('data', to[0] ?? '')
        const raw = Buffer.concat(chunks).toString('latin1')
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        if (told === null || told === 'cut' || told === 'silence') {
          result.mails.push({ raw, from, to, ...parseMail(raw) })
        }
        settle(told, done)
      })
    },
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  const proxy = await startProxy({ host: '127.0.0.1', port })
  result.url = `smtp://127.0.0.1:${proxy.port}`
  return result
}
