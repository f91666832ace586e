import { hash, verify } from '@node-rs/argon2'
import type { PasswordHasher } from './ports.ts'
import { Turnstile } from './turnstile.ts'

export interface Argon2Parameters {
  /** Memory of one hash, KiB. */
  memoryKib: number
  iterations: number
}

/** OWASP's recommendation for Argon2id with one lane. */
const DEFAULT_ARGON2: Argon2Parameters = { memoryKib: 19_456, iterations: 2 }

// The thread pool has four threads, which files and DNS need too.
const AT_ONCE = 2
const WAITING_MAX = 500
const ARGON2ID = 2

/** PasswordHasher with Argon2id. */
export class Argon2Hasher implements PasswordHasher {
  readonly #parameters: Argon2Parameters
  readonly #turnstile = new Turnstile(AT_ONCE, WAITING_MAX)
  #decoy: Promise<string> | null = null

  constructor(parameters: Argon2Parameters = DEFAULT_ARGON2) {
    this.#parameters = parameters
  }

  hash(password: string): Promise<string> {
    const { memoryKib, iterations } = this.#parameters
    const options = { algorithm: ARGON2ID, memoryCost: memoryKib, timeCost: iterations, parallelism: 1 }
    return this.#turnstile.pass(() => hash(password, options))
  }

  verify(stored: string, password: string): Promise<boolean> {
    return this.#turnstile.pass(() => verify(stored, password))
  }

  async pretend(password: string): Promise<void> {
    this.#decoy ??= this.hash('decoy')
    await this.verify(await this.#decoy, password)
  }

  outdated(stored: string): boolean {
    const { memoryKib, iterations } = this.#parameters
    return !stored.startsWith(`$argon2id$v=19$m=${memoryKib},t=${iterations},p=1$`)
  }
}
