import { domainToASCII } from 'node:url'

export type IdentityKind = 'email' | 'phone'

/** An address as given, and the form it is compared by. */
export interface Identity {
  kind: IdentityKind
  value: string
  key: string
}

export const PASSWORD_MIN = 8
/** Argon2 reads all of it; longer ones only cost. */
export const PASSWORD_MAX = 256
export const DISPLAY_NAME_MAX = 64
export const DELETED_DISPLAY_NAME = 'Deleted user'

// ASCII only: no two usernames look alike, none hides a zero-width character or reads right to left.
const USERNAME = /^[A-Za-z0-9](?:[A-Za-z0-9]|[._-](?![._-])){0,30}[A-Za-z0-9]$/

/** Why a username is refused, or null: 2 to 32 ASCII letters, digits and single `.`, `_`, `-` between them. */
export function usernameFault(username: string): string | null {
  if (USERNAME.test(username)) return null
  return 'must be 2 to 32 letters (a-z), digits, or single . _ - between them'
}

/** What usernames are compared by: `Ann` and `ann` are one. */
export function usernameKey(username: string): string {
  return username.toLowerCase()
}

// Controls, line separators, directional overrides and what has no width of its own at the edges.
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u

/** Why a display name is refused, or null: 1 to 64 code points that show, without controls of any kind. */
export function displayNameFault(name: string): string | null {
  if (UNSHOWABLE.test(name)) return 'contains a control or invisible character'
  if (name.trim() === '' || name.trim() !== name) return 'must not be empty, nor begin or end with a space'
  if (Array.from(name).length > DISPLAY_NAME_MAX) return `is longer than ${DISPLAY_NAME_MAX} characters`
  return null
}

const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const ASCII_DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/

/** An email address with its domain in ASCII (IDN) and all in lower case as key; null when it is not one. */
export function emailIdentity(text: string): Identity | null {
  const value = text.trim()
  const at = value.lastIndexOf('@')
  const local = value.slice(0, Math.max(0, at))
  if (value.length > 254 || local.length > 64 || !LOCAL_PART.test(local)) return null
  const domain = domainToASCII(value.slice(at + 1)).toLowerCase()
  if (!ASCII_DOMAIN.test(domain)) return null
  return { kind: 'email', value, key: `${local.toLowerCase()}@${domain}` }
}

/** A phone number in E.164 (`+15551234567`), spaces, hyphens and brackets forgiven; null when it is not one. */
export function phoneIdentity(text: string): Identity | null {
  const key = text.replaceAll(/[ ()-]/g, '')
  return /^\+[1-9]\d{6,14}$/.test(key) ? { kind: 'phone', value: key, key } : null
}

export type Identifier = Identity | { kind: 'username'; key: string }

/** What somebody typed to say who they are; null when it can be nobody's. */
export function identifierOf(text: string): Identifier | null {
  const trimmed = text.trim()
  if (trimmed.includes('@')) return emailIdentity(trimmed)
  if (trimmed.startsWith('+')) return phoneIdentity(trimmed)
  return usernameFault(trimmed) === null ? { kind: 'username', key: usernameKey(trimmed) } : null
}
