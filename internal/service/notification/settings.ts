import { invalid } from '../../domain/errors.ts'
import type { NotificationSettings } from '../../domain/notification.ts'
import { isTimeZone } from '../../domain/quiet-hours.ts'
import type { Actor } from '../../domain/user.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { LiveEvents } from '../live/ports.ts'
import type { SettingsStore } from './ports.ts'

export interface NotificationSettingsDeps {
  store: SettingsStore
  live: Pick<LiveEvents, 'settingsUpdated'>
  clock?: Clock
}

/** What somebody wants to be told; everyone sees and changes only their own. */
export class NotificationSettingsService {
  readonly #deps: NotificationSettingsDeps
  readonly #clock: Clock

  constructor({ clock = systemClock, ...deps }: NotificationSettingsDeps) {
    this.#deps = deps
    this.#clock = clock
  }

  find(actor: Actor): Promise<NotificationSettings> {
    return this.#deps.store.find(actor.userId)
  }

  /** What is left out stays as it is. Their other devices are told. @throws DomainError validation_failed. */
  async change(actor: Actor, change: Partial<NotificationSettings>): Promise<NotificationSettings> {
    const zone = change.quietHours?.timeZone
    if (zone !== undefined && !isTimeZone(zone)) {
      throw invalid('quietHours.timeZone', 'must be an IANA time zone, for example Europe/Berlin')
    }
    const settings = await this.#deps.store.change(actor.userId, change, new Date(this.#clock.now()))
    this.#deps.live.settingsUpdated(actor.userId, settings)
    return settings
  }
}
