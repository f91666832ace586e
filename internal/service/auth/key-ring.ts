import { randomBytes } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Clock } from '../../platform/clock.ts'
import type { PublicJwk, SigningKeyRepository, StoredKey } from './ports.ts'
import type { Secrets } from './secrets.ts'

export const SIGNING_ALGORITHM = 'EdDSA' as const
const PURPOSE = 'signing-key'
const REFRESH_MS = 30_000
// An unknown kid asks the database again, but not more often than this: kids are the sender's to choose.
const UNKNOWN_KID_MS = 1000

type Key = CryptoKey | Uint8Array

/** An entry of the JSON Web Key Set. */
export interface PublishedKey extends PublicJwk {
  kid: string
  use: 'sig'
  alg: typeof SIGNING_ALGORITHM
}

export interface KeyRingDeps {
  repository: SigningKeyRepository
  secrets: Secrets
  clock: Clock
  /** How long a retired key's signatures may still be presented. */
  accessTtlMs: number
}

interface Loaded {
  at: number
  signing: { kid: string; key: Key }
  verifying: Map<string, Key>
  published: PublishedKey[]
}

/** The keys that sign access tokens, shared by all nodes through the database. */
export class KeyRing {
  readonly #deps: KeyRingDeps
  #loaded: Loaded | null = null
  #loading: Promise<Loaded> | null = null

  constructor(deps: KeyRingDeps) {
    this.#deps = deps
  }

  async signing(): Promise<{ kid: string; key: Key }> {
    return (await this.#fresh(REFRESH_MS)).signing
  }

  /** Null for a key that never was, or retired so long ago that all it signed has expired. */
  async verifying(kid: string): Promise<Key | null> {
    const known = (await this.#fresh(REFRESH_MS)).verifying.get(kid)
    return known ?? (await this.#fresh(UNKNOWN_KID_MS)).verifying.get(kid) ?? null
  }

  /** The JSON Web Key Set: public parts only. */
  async jwks(): Promise<{ keys: PublishedKey[] }> {
    return { keys: (await this.#fresh(REFRESH_MS)).published }
  }

  /** Signs with a new key from now on; what the old one signed stays valid until it expires. */
  async rotate(): Promise<string> {
    const key = await this.#generate()
    await this.#deps.repository.rotate(key)
    this.#loaded = null
    return key.kid
  }

  async #fresh(maxAgeMs: number): Promise<Loaded> {
    const loaded = this.#loaded
    if (loaded && this.#deps.clock.now() - loaded.at <= maxAgeMs) return loaded
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null
    })
    // What is known stays good while the database is away.
    return loaded ? this.#loading.catch(() => loaded) : this.#loading
  }

  async #load(): Promise<Loaded> {
    const { repository, clock, accessTtlMs } = this.#deps
    const at = clock.now()
    const retiredAfter = new Date(at - 2 * accessTtlMs)
    let keys = await repository.list(retiredAfter)
    if (!keys.some(({ retiredAt }) => retiredAt === null)) {
      await repository.createFirst(await this.#generate())
      keys = await repository.list(retiredAfter)
    }
    const active = keys.find(({ retiredAt }) => retiredAt === null)
    if (!active) throw new Error('there is no active signing key')
    const verifying = new Map<string, Key>()
    for (const key of keys) verifying.set(key.kid, await importJWK(key.publicJwk, SIGNING_ALGORITHM))
    const published = keys.map(
      ({ kid, publicJwk }): PublishedKey => ({ ...publicJwk, kid, use: 'sig', alg: SIGNING_ALGORITHM }),
    )
    this.#loaded = { at, signing: { kid: active.kid, key: await this.#unseal(active) }, verifying, published }
    return this.#loaded
  }

  async #unseal({ kid, privateSealed }: StoredKey): Promise<Key> {
    const jwk: JWK = JSON.parse(this.#deps.secrets.open(PURPOSE, kid, privateSealed).toString())
    return importJWK(jwk, SIGNING_ALGORITHM)
  }

  async #generate(): Promise<StoredKey> {
    const pair = await generateKeyPair(SIGNING_ALGORITHM, { crv: 'Ed25519', extractable: true })
    const kid = randomBytes(12).toString('base64url')
    const { x } = await exportJWK(pair.publicKey)
    if (x === undefined) throw new Error('a new Ed25519 key has no public part')
    const privateJwk = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)))
    return {
      kid,
      algorithm: SIGNING_ALGORITHM,
      publicJwk: { kty: 'OKP', crv: 'Ed25519', x },
      privateSealed: this.#deps.secrets.seal(PURPOSE, kid, privateJwk),
      createdAt: new Date(this.#deps.clock.now()),
      retiredAt: null,
    }
  }
}
