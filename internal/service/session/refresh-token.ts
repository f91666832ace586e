import { createHash, createHmac, randomBytes } from 'node:crypto'

const PREFIX = 'rcr_'
const BYTES = 32
const FORM = /^rcr_[A-Za-z0-9_-]{43}$/

/** A new opaque refresh token: 256 random bits. */
export function newRefreshToken(): string {
  return PREFIX + randomBytes(BYTES).toString('base64url')
}

/** What is kept of a token; null for what cannot be one. */
export function hashRefreshToken(token: string): Buffer | null {
  return FORM.test(token) ? createHash('sha256').update(token).digest() : null
}

/**
 * The token that takes this one's place. It follows from the old one by a key only the service has, so that
 * a repeated request can be answered with the same successor although only hashes are stored.
 */
export function successorOf(token: string, key: Buffer): string {
  return PREFIX + createHmac('sha256', key).update(token).digest('base64url')
}
