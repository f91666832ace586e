import type { UserId } from '../../domain/ids.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { LiveEvents } from '../live/ports.ts'
import type { SettingsStore, UnsubscribeDirectory } from './ports.ts'

export interface UnsubscriptionDeps {
  directory: UnsubscribeDirectory
  settings: SettingsStore
  live: Pick<LiveEvents, 'settingsUpdated'>
  clock?: Clock
}

// Tokens of every version; anything else is nobody's without asking the store.
const TOKEN = /^[\w-]{20,100}$/

/** Ending mails by the link in them: whoever has it may, signed in or not. */
export class Unsubscriptions {
  readonly #deps: UnsubscriptionDeps
  readonly #clock: Clock

  constructor({ clock = systemClock, ...deps }: UnsubscriptionDeps) {
    this.#deps = deps
    this.#clock = clock
  }

  /** Whether the link is somebody's; changes nothing. */
  async isKnown(token: string): Promise<boolean> {
    return (await this.#ownerOf(token)) !== null
  }

  /** Turns the owner's mails off and tells their devices; false when the link is nobody's. Safe to repeat. */
  async end(token: string): Promise<boolean> {
    const userId = await this.#ownerOf(token)
    if (userId === null) return false
    const { settings, live } = this.#deps
    const changed = await settings.change(userId, { email: false }, new Date(this.#clock.now()))
    live.settingsUpdated(userId, changed)
    return true
  }

  async #ownerOf(token: string): Promise<UserId | null> {
    return TOKEN.test(token) ? this.#deps.directory.ownerOf(token) : null
  }
}
