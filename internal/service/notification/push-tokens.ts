import { notFound } from '../../domain/errors.ts'
import { uuidv7 } from '../../domain/ids.ts'
import {
  type DeviceId,
  type DeviceSettings,
  type Platform,
  PUSH_TOKENS_PER_USER,
  type PushToken,
} from '../../domain/push.ts'
import type { Actor } from '../../domain/user.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { PushTokenStore } from './ports.ts'

export interface PushTokenServiceDeps {
  tokens: PushTokenStore
  clock?: Clock
}

/** The devices a user has registered for push; everyone sees and changes only their own. */
export class PushTokenService {
  readonly #tokens: PushTokenStore
  readonly #clock: Clock

  constructor({ tokens, clock = systemClock }: PushTokenServiceDeps) {
    this.#tokens = tokens
    this.#clock = clock
  }

  list(actor: Actor): Promise<PushToken[]> {
    return this.#tokens.list(actor.userId)
  }

  /** Idempotent: the same token again refreshes its registration. */
  register(
    actor: Actor,
    { token, platform, deviceName }: { token: string; platform: Platform; deviceName: string | null },
  ): Promise<PushToken> {
    const nowMs = this.#clock.now()
    const registration = {
      id: uuidv7<DeviceId>(nowMs),
      userId: actor.userId,
      sessionId: actor.sessionId,
      platform,
      deviceName,
      token,
      nowMs,
    }
    return this.#tokens.register(registration, PUSH_TOKENS_PER_USER)
  }

  /** What the device is told from now on. @throws DomainError not_found, for another's token as well. */
  async change(actor: Actor, id: DeviceId, settings: Partial<DeviceSettings>): Promise<PushToken> {
    const changed = await this.#tokens.change(actor.userId, id, settings)
    if (!changed) throw notFound('push token')
    return changed
  }

  /** Again is no error. @throws DomainError not_found for another's token. */
  async remove(actor: Actor, id: DeviceId): Promise<void> {
    if (!(await this.#tokens.remove(actor.userId, id))) throw notFound('push token')
  }
}
