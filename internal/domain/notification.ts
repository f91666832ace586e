/** How much a user wants to be told of; `mentions` is whatever concerns them personally. */
export const NOTIFY_LEVELS = ['all', 'mentions', 'none'] as const
export type NotifyLevel = (typeof NOTIFY_LEVELS)[number]

/** Sunday first, as JavaScript counts. */
export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/** By the wall clock of a time zone; from `start` on, before `end`, past midnight when that is not later. */
export interface QuietHours {
  /** `HH:MM`. */
  start: string
  end: string
  /** An IANA name. */
  timeZone: string
  /** The days on which they begin. */
  days: Weekday[]
}

/** What a user wants to be told, on all devices; a conversation's or a device's own setting can only narrow it. */
export interface NotificationSettings {
  push: boolean
  email: boolean
  direct: 'all' | 'none'
  groups: NotifyLevel
  /** Replies in threads one took part in count as personal. */
  threads: boolean
  /** Reactions to one's own messages. */
  reactions: boolean
  /** Whether text is shown. */
  previews: boolean
  /** Seconds that something stays unread before it is mailed. */
  emailDelay: number
  quietHours: QuietHours | null
}

export const DEFAULT_NOTIFICATION_SETTINGS: NotificationSettings = {
  push: true,
  email: true,
  direct: 'all',
  groups: 'all',
  threads: true,
  reactions: false,
  previews: true,
  emailDelay: 900,
  quietHours: null,
}

export const EMAIL_DELAY_MIN = 60
export const EMAIL_DELAY_MAX = 86_400
