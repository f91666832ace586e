import { createHmac, timingSafeEqual } from 'node:crypto'

const STEP_MS = 30_000
const DIGITS = 6
/** Clocks of phones are off by up to a step either way (RFC 6238 section 5.2). */
const DRIFT_STEPS = 1
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4226: the six digits of a counter. */
export function hotp(secret: Buffer, counter: number): string {
  const message = Buffer.alloc(8)
  message.writeBigUInt64BE(BigInt(counter))
  const mac = createHmac('sha1', secret).update(message).digest()
  const offset = (mac[19] ?? 0) & 0x0f
  const number = mac.readUInt32BE(offset) & 0x7fffffff
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0')
}

/** The time step a code belongs to, or null when it is of none near now (RFC 6238). */
export function totpStep(secret: Buffer, code: string, nowMs: number): number | null {
  if (!/^\d{6}$/.test(code)) return null
  const current = Math.floor(nowMs / STEP_MS)
  let found: number | null = null
  // All are tried, so that the time taken does not tell which one it was.
  for (let step = current - DRIFT_STEPS; step <= current + DRIFT_STEPS; step++) {
    if (timingSafeEqual(Buffer.from(hotp(secret, step)), Buffer.from(code))) found = step
  }
  return found
}

/** RFC 4648, without padding: what authenticator applications take. */
export function base32(bytes: Buffer): string {
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  let text = ''
  for (let i = 0; i < bits.length; i += 5) {
    text += BASE32[Number.parseInt(bits.slice(i, i + 5).padEnd(5, '0'), 2)]
  }
  return text
}

/** The link behind the QR code. */
export function otpauthUrl(secret: Buffer, account: string): string {
  return `otpauth://totp/RealChat:${encodeURIComponent(account)}?secret=${base32(secret)}&issuer=RealChat`
}
