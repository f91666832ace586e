import type { NotifyLevel } from './notification.ts'

declare const brand: unique symbol

/** Identifies a push registration; it stays the same while its token does. */
export type DeviceId = string & { readonly [brand]: 'DeviceId' }

export const PLATFORMS = ['android', 'ios', 'web'] as const
export type Platform = (typeof PLATFORMS)[number]

export const PUSH_TOKEN_MAX_LENGTH = 4096
export const PUSH_TOKENS_PER_USER = 20

/** What one device is to be told, within what its user wants. */
export interface DeviceSettings {
  notify: NotifyLevel
  /** Whether it shows text. */
  previews: boolean
}

/** A push registration as its owner sees it. Times are RFC 3339 UTC with milliseconds. */
export interface PushToken extends DeviceSettings {
  id: DeviceId
  platform: Platform
  deviceName: string | null
  createdAt: string
}
