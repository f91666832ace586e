import type { RateLimit } from '../limit/ports.ts'

const MINUTE = 60
const HOUR = 3600

/** Guesses at one account from one address: that address' own doing alone. */
export const SIGN_IN_PAIR: RateLimit = {
  name: 'sign-in-pair',
  points: 10,
  seconds: 15 * MINUTE,
  whenDown: 'refuse',
}

/**
 * Guesses at one account from everywhere, counted only for addresses it never signed in from: many strangers
 * together do not lock the owner out.
 */
export const SIGN_IN_STRANGERS: RateLimit = {
  name: 'sign-in-strangers',
  points: 100,
  seconds: HOUR,
  whenDown: 'refuse',
}

/** Codes tried by whoever has passed the first factor. */
export const SECOND_FACTOR: RateLimit = {
  name: 'second-factor',
  points: 20,
  seconds: 15 * MINUTE,
  whenDown: 'refuse',
}

/** Current passwords tried by whoever holds a session. */
export const PASSWORD_CHANGE: RateLimit = {
  name: 'password-change',
  points: 10,
  seconds: 15 * MINUTE,
  whenDown: 'refuse',
}
