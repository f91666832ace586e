import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { MessagingErrorCode } from 'firebase-admin/messaging'
import type { DeviceId, Platform } from '../../domain/push.ts'
import { createLogger } from '../../platform/logger.ts'
import { randomUserId } from '../../testkit/events.ts'
import { type FcmBehaviour, type FcmStandIn, startFcm } from '../../testkit/fcm.ts'
import type { PushMessage } from '../ports.ts'
import { FcmSender } from './fcm.ts'
import { TREATMENTS } from './fcm-outcome.ts'

const logger = createLogger({ name: 'test', level: 'silent' })
const CONVERSATION = '01900000-0000-7000-8000-0000000000c1'

function push(token: string, platform: Platform = 'android', more: Partial<PushMessage> = {}): PushMessage {
  return {
    device: {
      id: '01900000-0000-7000-8000-0000000000d1' as DeviceId,
      userId: randomUserId(),
      sessionId: null,
      deviceName: null,
      platform,
      notify: 'all',
      previews: true,
      token,
      updatedAtMs: 0,
    },
    text: { title: 'Ann', body: 'hello' },
    badge: 3,
    collapseKey: CONVERSATION,
    link: `/conversations/${CONVERSATION}?seq=7`,
    ttlMs: 3_600_000,
    urgent: true,
    data: { event: 'message', seq: '7' },
    ...more,
  }
}

describe('FcmSender', () => {
  const alarms: unknown[] = []
  const alarm = (error: unknown) => alarms.push(error)
  let fcm: FcmStandIn
  let sender: FcmSender

  beforeEach(async () => {
    fcm = await startFcm()
    const publicUrl = 'https://chat.example.org'
    sender = new FcmSender({
      projectId: 'demo',
      serviceAccount: '',
      endpoint: fcm.url,
      publicUrl,
      logger,
      alarm,
    })
  })

  afterEach(async () => {
    await sender.close()
    await fcm.close()
  })

  it('sends title, body, badge, link and collapse key as each platform wants them', async () => {
    const outcomes = await sender.send([push('a'), push('i', 'ios'), push('w', 'web')])
    expect(outcomes).toEqual([{ kind: 'sent' }, { kind: 'sent' }, { kind: 'sent' }])
    expect(fcm.requests[0]).toMatchObject({
      path: '/v1/projects/demo/messages:send',
      authorization: 'Bearer stand-in',
    })
    const shared = {
      notification: { title: 'Ann', body: 'hello' },
      data: { seq: '7', badge: '3', link: `/conversations/${CONVERSATION}?seq=7` },
    }
    expect(fcm.of('a')[0]).toMatchObject({
      ...shared,
      android: {
        collapse_key: CONVERSATION,
        ttl: '3600s',
        priority: 'high',
        notification: { tag: CONVERSATION, notification_count: 3 },
      },
    })
    expect(fcm.of('i')[0]).toMatchObject({
      ...shared,
      apns: {
        headers: { 'apns-collapse-id': CONVERSATION, 'apns-priority': '10', 'apns-push-type': 'alert' },
        payload: { aps: { 'thread-id': CONVERSATION, badge: 3 } },
      },
    })
    expect(fcm.of('w')[0]).toMatchObject({
      ...shared,
      webpush: {
        headers: { TTL: '3600', Urgency: 'high', Topic: CONVERSATION.replaceAll('-', '') },
        fcmOptions: { link: `https://chat.example.org/conversations/${CONVERSATION}?seq=7` },
      },
    })
  })

  it('takes a badge back without a sound, at a priority that wakes nobody', async () => {
    const silent = { text: null, badge: 0, urgent: false }
    await sender.send([push('a', 'android', silent), push('i', 'ios', silent)])
    expect(fcm.of('a')[0]).toMatchObject({ data: { badge: '0' }, android: { priority: 'normal' } })
    expect(fcm.of('i')[0]?.apns).toEqual({
      headers: {
        'apns-push-type': 'alert',
        'apns-priority': '5',
        'apns-expiration': expect.stringMatching(/^\d{10}$/),
        'apns-collapse-id': CONVERSATION,
      },
      payload: { aps: { 'content-available': 1, badge: 0 } },
    })
    for (const { message } of fcm.requests) expect(message.notification).toBeUndefined()
    expect(JSON.stringify(fcm.requests)).not.toContain('"sound"')
  })

  it('sends 500 and tells each one its own outcome', async () => {
    fcm.script('token-123', { status: 404 })
    const outcomes = await sender.send(Array.from({ length: 500 }, (_, i) => push(`token-${i}`)))
    expect(outcomes).toHaveLength(500)
    expect(outcomes.filter(({ kind }) => kind === 'sent')).toHaveLength(499)
    expect(outcomes[123]?.kind).toBe('gone')
    expect(new Set(fcm.requests.map(({ message }) => message.token)).size).toBe(500)
  })

  it.each<[FcmBehaviour, unknown]>([
    [{ status: 404 }, { kind: 'gone', reason: 'registration-token-not-registered' }],
    [{ status: 400 }, { kind: 'dropped', reason: 'invalid-argument' }],
    [
      { status: 400, message: 'The registration token is not a valid FCM registration token' },
      { kind: 'gone', reason: 'invalid-argument' },
    ],
    [{ status: 401 }, { kind: 'retry', reason: 'third-party-auth-error', afterMs: null }],
    [{ status: 403 }, { kind: 'retry', reason: 'mismatched-credential', afterMs: null }],
    [{ status: 429 }, { kind: 'retry', reason: 'message-rate-exceeded', afterMs: 60_000 }],
    [
      { status: 429, retryAfter: '120' },
      { kind: 'retry', reason: 'message-rate-exceeded', afterMs: 120_000 },
    ],
    [{ status: 500 }, { kind: 'retry', reason: 'internal-error', afterMs: null }],
    [
      { status: 503, retryAfter: '1' },
      { kind: 'retry', reason: 'server-unavailable', afterMs: 1000 },
    ],
    ['drop', { kind: 'unknown' }],
  ])('answers %j with an outcome, asked once', async (behaviour, expected) => {
    fcm.script('token', behaviour)
    expect(await sender.send([push('token')])).toMatchObject([expected])
    expect(fcm.requests).toHaveLength(1)
  })

  it('tells an operator of what only they can mend', async () => {
    alarms.length = 0
    for (const status of [200, 404, 429, 500] as const) fcm.script('fine', { status })
    await sender.send([push('fine'), push('fine'), push('fine'), push('fine')])
    expect(alarms).toEqual([])
    for (const status of [401, 403] as const) fcm.script('wrong', { status })
    await sender.send([push('wrong'), push('wrong')])
    expect(alarms).toHaveLength(2)
  })

  it('treats every error that the SDK can name', () => {
    const named = Object.values(MessagingErrorCode).filter((code) => !/topic|unknown/.test(code))
    expect(named.filter((code) => TREATMENTS[code] === undefined)).toEqual([])
  })

  it('does not know the outcome when there is no answer, asked once', async () => {
    fcm.script('token', 'hang')
    expect(await sender.send([push('token'), push('other')])).toMatchObject([
      { kind: 'unknown' },
      { kind: 'sent' },
    ])
    expect(fcm.of('token')).toHaveLength(1)
  })

  it('knows that nothing was sent when nobody listens', async () => {
    await fcm.close()
    expect(await sender.send([push('token')])).toMatchObject([{ kind: 'retry', reason: 'ECONNREFUSED' }])
    fcm = await startFcm()
  })

  it('reads a service account as Firebase hands it out', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const serviceAccount = JSON.stringify({
      type: 'service_account',
      project_id: 'demo',
      client_email: 'push@demo.iam.gserviceaccount.com',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    })
    const real = new FcmSender({
      projectId: 'demo',
      serviceAccount,
      endpoint: null,
      publicUrl: '',
      logger,
      alarm,
    })
    await real.close()
  })
})
