import { hotp } from '../service/auth/totp.ts'

export const TOTP_STEP_MS = 30_000

/** What an authenticator application does with the secret it was shown. */
export function totpCode(secret: string, nowMs: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = Array.from(secret, (letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  return hotp(bytes, Math.floor(nowMs / TOTP_STEP_MS))
}
