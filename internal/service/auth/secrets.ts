import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Everything derived from SECRET_KEY: one independent key for each purpose (HKDF-SHA256). */
export class Secrets {
  readonly #master: string
  readonly #keys = new Map<string, Buffer>()

  /** @param secretKey SECRET_KEY; whoever has it and the database can sign tokens. */
  constructor(secretKey: string) {
    this.#master = secretKey
  }

  /** 32 bytes, always the same for a purpose. */
  derive(purpose: string): Buffer {
    const known = this.#keys.get(purpose)
    if (known) return known
    const key = Buffer.from(hkdfSync('sha256', this.#master, 'realchat', purpose, 32))
    this.#keys.set(purpose, key)
    return key
  }

  /** AES-256-GCM: nonce, ciphertext, tag. `context` must be given again to open it, and is not stored. */
  seal(purpose: string, context: string, plain: Buffer): Buffer {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.derive(purpose), nonce).setAAD(Buffer.from(context))
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  /** @throws Error when it was changed, belongs to another context, or SECRET_KEY is not the one it was sealed with. */
  open(purpose: string, context: string, sealed: Buffer): Buffer {
    const nonce = sealed.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv(CIPHER, this.derive(purpose), nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
  }
}
