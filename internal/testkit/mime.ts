import { createHash, createVerify, type KeyObject } from 'node:crypto'

/** A mail taken apart, by other code than put it together. */
export interface ParsedMail {
  /** Unfolded and decoded, in order; names in lower case. */
  headers: [name: string, value: string][]
  header(name: string): string | null
  /** By content type without parameters. */
  parts: Map<string, string>
}

/** @throws Error for what a mail cannot be. */
export function parseMail(raw: string): ParsedMail {
  const { headers, body } = split(raw)
  const header = (name: string) => headers.find(([each]) => each === name)?.[1] ?? null
  return { headers, header, parts: new Map(partsOf(header('content-type') ?? 'text/plain', header, body)) }
}

function split(raw: string): { headers: [string, string][]; body: string } {
  const end = raw.indexOf('\r\n\r\n')
  if (end < 0) throw new Error('a mail without a body')
  const lines = raw
    .slice(0, end)
    .replaceAll(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const match = /^([!-9;-~]+):\s*(.*)$/.exec(line)
    if (!match) throw new Error(`no header: ${line}`)
    return [(match[1] ?? '').toLowerCase(), decodeWords(match[2] ?? '')]
  })
  return { headers, body: raw.slice(end + 4) }
}

function* partsOf(
  type: string,
  header: (name: string) => string | null,
  body: string,
): Iterable<[string, string]> {
  const boundary = /boundary="([^"]+)"/.exec(type)?.[1]
  if (boundary === undefined) {
    yield [type.split(';')[0] ?? '', decodeBody(header('content-transfer-encoding'), body)]
    return
  }
  for (const piece of `\r\n${body}`.split(`\r\n--${boundary}`).slice(1, -1)) {
    const part = split(piece.replace(/^\r\n/, ''))
    const own = (name: string) => part.headers.find(([each]) => each === name)?.[1] ?? null
    yield* partsOf(own('content-type') ?? 'text/plain', own, part.body)
  }
}

function decodeBody(encoding: string | null, body: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8')
  if (encoding !== 'quoted-printable') return body.replaceAll('\r\n', '\n')
  return quotedPrintable(body.replaceAll('=\r\n', '')).replaceAll('\r\n', '\n')
}

function quotedPrintable(text: string): string {
  const bytes = text.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** RFC 2047; words next to each other are one. */
function decodeWords(value: string): string {
  const bytes: Buffer[] = []
  const flush = () => Buffer.concat(bytes.splice(0)).toString('utf8')
  let decoded = ''
  for (const piece of value.replaceAll(/(\?=)\s+(?==\?)/g, '$1').split(/(=\?UTF-8\?[BQ]\?[^?]*\?=)/i)) {
    const word = /^=\?UTF-8\?([BQ])\?([^?]*)\?=$/i.exec(piece)
    if (!word) {
      if (piece !== '') decoded += flush() + piece
    } else if (word[1]?.toUpperCase() === 'B') bytes.push(Buffer.from(word[2] ?? '', 'base64'))
    else bytes.push(Buffer.from(quotedPrintable((word[2] ?? '').replaceAll('_', ' ')), 'utf8'))
  }
  return decoded + flush()
}

/** RFC 6376, relaxed/relaxed and rsa-sha256: the fields signed, in lower case. @throws Error when it does not hold. */
export function verifyDkim(
  raw: string,
  publicKey: KeyObject,
): { domain: string; selector: string; fields: string[] } {
  const end = raw.indexOf('\r\n\r\n')
  const fields = raw.slice(0, end).split(/\r\n(?![ \t])/)
  const signature = fields.find((field) => /^dkim-signature:/i.test(field)) ?? ''
  const tag = (name: string) => {
    const found = new RegExp(`[:;]\\s*${name}=([^;]*)`, 's').exec(signature)?.[1]
    if (found === undefined) throw new Error(`no ${name} in the signature`)
    return found.replaceAll(/\s+/g, '')
  }
  const body = raw
    .slice(end + 4)
    .replaceAll(/[ \t]+(?=\r\n)/g, '')
    .replaceAll(/[ \t]+/g, ' ')
    .replace(/(\r\n)*$/, '\r\n')
  if (createHash('sha256').update(body, 'latin1').digest('base64') !== tag('bh'))
    throw new Error('another body')
  const names = tag('h').toLowerCase().split(':')
  const signed = names.map(
    (name) => `${relaxed(fields.find((field) => field.toLowerCase().startsWith(`${name}:`)) ?? '')}\r\n`,
  )
  const own = relaxed(signature.replace(/([:;]\s*b=)[^;]*/s, '$1'))
  const verify = createVerify('rsa-sha256').update(signed.join('') + own, 'latin1')
  if (!verify.verify(publicKey, tag('b'), 'base64')) throw new Error('the signature is wrong')
  return { domain: tag('d'), selector: tag('s'), fields: names }
}

function relaxed(field: string): string {
  const at = field.indexOf(':')
  return `${field.slice(0, at).trim().toLowerCase()}:${field
    .slice(at + 1)
    .replaceAll(/\r\n/g, '')
    .replaceAll(/[ \t]+/g, ' ')
    .trim()}`
}
