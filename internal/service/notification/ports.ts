import type { SessionId, UserId } from '../../domain/ids.ts'
import type { NotificationSettings } from '../../domain/notification.ts'
import type { DeviceId, DeviceSettings, Platform, PushToken } from '../../domain/push.ts'

/** Throws DomainError `dependency_unavailable` when the store cannot be asked. */
export interface SettingsStore {
  /** The defaults for who never changed them. */
  find(userId: UserId): Promise<NotificationSettings>
  /** Changes what is given, atomically, and answers all of it. Safe to repeat. */
  change(userId: UserId, change: Partial<NotificationSettings>, at: Date): Promise<NotificationSettings>
}

export interface PushRegistration {
  id: DeviceId
  userId: UserId
  /** Pushes end with this session. */
  sessionId: SessionId
  platform: Platform
  deviceName: string | null
  token: string
  /** Milliseconds since 1970. */
  nowMs: number
}

/** Throws DomainError `dependency_unavailable` when the store cannot be asked; every method may be repeated. */
export interface PushTokenStore {
  /**
   * Registers or refreshes a token, which belongs to the user who registered it last: one that moves from
   * another account gets the new id, so that nothing meant for the other reaches it. Beyond `keep` of a user
   * the longest unrefreshed go. Repeating it is harmless.
   */
  register(registration: PushRegistration, keep: number): Promise<PushToken>
  /** A user's tokens, the last refreshed first. */
  list(userId: UserId): Promise<PushToken[]>
  /** Null when the user has no such token. */
  change(userId: UserId, id: DeviceId, settings: Partial<DeviceSettings>): Promise<PushToken | null>
  /** False when the user has no such token. */
  remove(userId: UserId, id: DeviceId): Promise<boolean>
}

/** What would have been sent if a channel were configured. */
export interface OutboxEntry {
  id: number
  channel: 'push' | 'email' | 'sms'
  userId: UserId
  /** The address; of a push token the end only. */
  recipient: string
  title: string
  body: string
  payload: unknown
  createdAt: string
}

export interface OutboxReader {
  /** Newest first. @throws DomainError dependency_unavailable. */
  newest(limit: number): Promise<OutboxEntry[]>
}
