import { describe, expect, it } from '@jest/globals'
import {
  adds,
  ann,
  at,
  bob,
  type Case,
  cid,
  decisions,
  device,
  direct,
  encrypted,
  here,
  inWords,
  mentionsAll,
  mentionsBob,
  mentionsCid,
  missedCall,
  NOW,
  noon,
  phone,
  quotes,
  reaction,
  readElsewhere,
  signIn,
  tablet,
} from '../testkit/notify-case.ts'

const MAIL_MENTION = 'mail mentioned in 900 s'
const MAIL_DIRECT = 'mail direct in 900 s'

/**
 * The whole behaviour: [what, how it differs from the case above, what is decided]. `none x` says that nobody
 * is pushed to and why; a number of devices is named by the ends of their ids.
 */
const TABLE: [string, Case, string[]][] = [
  // Whom it is not for
  ['a member who is away', {}, ['push f1 message']],
  ['all their devices', { devices: [phone, tablet] }, ['push f1 message', 'push f2 message']],
  ['a device listed twice, once', { devices: [phone, phone] }, ['push f1 message']],
  ['no device', { devices: [] }, ['none no_device']],
  ['not the sender', { to: ann }, ['none sender']],
  ['not the sender who mentions all', { to: ann, message: mentionsAll }, ['none sender']],
  ['not the suspended', { recipient: { status: 'suspended' } }, ['none not_active']],
  ['not the deleted', { recipient: { status: 'deleted' } }, ['none not_active']],
  ['not who left', { recipient: { membership: null } }, ['none not_member']],
  ['not who blocked the sender', { recipient: { blocksActor: true } }, ['none blocked']],
  [
    'not even when mentioned by them',
    { recipient: { blocksActor: true }, message: mentionsBob },
    ['none blocked'],
  ],
  ['not who joined at that place', { member: { joinedSeq: 10 } }, ['none joined_later']],
  ['who joined just before', { member: { joinedSeq: 9 } }, ['push f1 message']],

  // What became of the message
  ['deleted before it was queued', { message: { deletedAt: at } }, ['none deleted']],
  ['deleted before it is sent', { now: { deleted: true } }, ['none deleted']],
  ['disappeared', { message: { expiresAt: new Date(NOW).toISOString() } }, ['none expired']],
  ['about to disappear', { message: { expiresAt: new Date(NOW + 1).toISOString() } }, ['push f1 message']],
  [
    'queued for two days',
    { message: { createdAt: new Date(NOW - 2 * 86_400_000 - 1).toISOString() } },
    ['none stale'],
  ],
  ['read', { member: { readSeq: 10 } }, ['none read']],
  ['read on', { member: { readSeq: 11 }, now: { online: true } }, ['none read']],
  [
    'read, though mentioned: no mail either',
    { member: { readSeq: 10 }, message: mentionsBob },
    ['none read'],
  ],

  // Viewing it is having it on the screen, where a client moves the read pointer: the grace is for that
  ['online: wait 10 s', { now: { online: true } }, ['wait online']],
  [
    'viewed within the grace',
    { now: { online: true, graceOver: true }, member: { readSeq: 10 } },
    ['none read'],
  ],
  ['online, not looking', { now: { online: true, graceOver: true } }, ['push f1 message']],
  [
    'online, and muted: nothing to wait for',
    { now: { online: true }, member: { mutedUntilMs: NOW + 1 } },
    ['none muted'],
  ],

  [
    'online, with nothing to be told on: nothing to wait for',
    { now: { online: true }, recipient: { hasDevice: false }, devices: [] },
    ['none no_device'],
  ],
  [
    'the same, mentioned: mail is decided at once',
    { now: { online: true }, recipient: { hasDevice: false }, devices: [], message: mentionsBob },
    ['none no_device', MAIL_MENTION],
  ],

  // How much of a group is wanted
  ['muted', { member: { mutedUntilMs: NOW + 1 } }, ['none muted']],
  ['muted, though mentioned', { member: { mutedUntilMs: NOW + 1 }, message: mentionsBob }, ['none muted']],
  ['no longer muted', { member: { mutedUntilMs: NOW } }, ['push f1 message']],
  [
    'conversation off, though mentioned',
    { member: { notify: 'none' }, message: mentionsBob },
    ['none notifications_off'],
  ],
  ['mentioned', { message: mentionsBob }, ['push f1 mentioned', MAIL_MENTION]],
  ['@all', { message: mentionsAll }, ['push f1 mentioned', MAIL_MENTION]],
  ['somebody else mentioned', { message: mentionsCid }, ['push f1 message']],
  ['mentions only: nothing', { member: { notify: 'mentions' } }, ['none not_mentioned']],
  [
    'mentions only: mentioned',
    { member: { notify: 'mentions' }, message: mentionsBob },
    ['push f1 mentioned', MAIL_MENTION],
  ],
  [
    'mentions only: @all',
    { member: { notify: 'mentions' }, message: mentionsAll },
    ['push f1 mentioned', MAIL_MENTION],
  ],
  [
    'mentions only: somebody else',
    { member: { notify: 'mentions' }, message: mentionsCid },
    ['none not_mentioned'],
  ],
  [
    'mentions only: a reply to me',
    { member: { notify: 'mentions' }, message: quotes(bob) },
    ['push f1 replied'],
  ],
  [
    'mentions only: a reply to another',
    { member: { notify: 'mentions' }, message: quotes(cid) },
    ['none not_mentioned'],
  ],
  [
    'mentions only: a thread I am in',
    { member: { notify: 'mentions', followsThread: true } },
    ['push f1 thread'],
  ],
  [
    'mentions only: a thread I am in, threads off',
    { member: { notify: 'mentions', followsThread: true }, settings: { threads: false } },
    ['none not_mentioned'],
  ],
  ['groups by mention, by settings', { settings: { groups: 'mentions' } }, ['none not_mentioned']],
  [
    'a conversation cannot widen that',
    { settings: { groups: 'mentions' }, member: { notify: 'all' } },
    ['none not_mentioned'],
  ],
  [
    'groups off by settings',
    { settings: { groups: 'none' }, message: mentionsBob },
    ['none notifications_off'],
  ],

  // Direct conversations
  ['direct', { member: direct }, ['push f1 direct', MAIL_DIRECT]],
  ['direct, groups off', { member: direct, settings: { groups: 'none' } }, ['push f1 direct', MAIL_DIRECT]],
  ['direct off', { member: direct, settings: { direct: 'none' } }, ['none notifications_off']],
  ['direct, this one by mention', { member: { ...direct, notify: 'mentions' } }, ['none not_mentioned']],

  // Quiet hours are about pushes; mail is read when one likes
  ['quiet', { settings: { quietHours: noon } }, ['none quiet_hours']],
  ['quiet, direct', { settings: { quietHours: noon }, member: direct }, ['none quiet_hours', MAIL_DIRECT]],
  ['quiet on other days', { settings: { quietHours: { ...noon, days: ['sun'] } } }, ['push f1 message']],
  [
    'quiet elsewhere',
    { settings: { quietHours: { ...noon, timeZone: 'Pacific/Apia' } } },
    ['push f1 message'],
  ],

  // Devices
  ['push off', { settings: { push: false } }, ['none push_off']],
  [
    'one device off',
    { devices: [{ ...phone, notify: 'none' }, tablet] },
    ['none f1 device_off', 'push f2 message'],
  ],
  [
    'one device for what is personal',
    { devices: [{ ...phone, notify: 'mentions' }, tablet] },
    ['none f1 device_not_mentioned', 'push f2 message'],
  ],
  [
    'one device for what is personal: direct',
    { devices: [{ ...phone, notify: 'mentions' }], member: direct },
    ['push f1 direct', MAIL_DIRECT],
  ],
  ['previews off', { settings: { previews: false } }, ['push f1 message, no text']],
  [
    'previews off on one',
    { devices: [{ ...phone, previews: false }, tablet] },
    ['push f1 message, no text', 'push f2 message'],
  ],
  [
    'a device cannot turn previews on',
    { settings: { previews: false }, devices: [{ ...phone, previews: true }] },
    ['push f1 message, no text'],
  ],
  ['encrypted', { message: encrypted }, ['push f1 message, no text']],

  // Mail
  [
    'mentioned, mail off',
    { message: mentionsBob, settings: { email: false } },
    ['push f1 mentioned', 'no mail: email_off'],
  ],
  [
    'mentioned, no address',
    { message: mentionsBob, recipient: { hasEmail: false } },
    ['push f1 mentioned', 'no mail: no_address'],
  ],
  [
    'mentioned, nothing mails',
    { message: mentionsBob, now: { mailing: false } },
    ['push f1 mentioned', 'no mail: email_unavailable'],
  ],
  [
    'mentioned, mail after an hour',
    { message: mentionsBob, settings: { emailDelay: 3600 } },
    ['push f1 mentioned', 'mail mentioned in 3600 s'],
  ],
  [
    'mentioned, online: mail is for later anyway',
    { message: mentionsBob, now: { online: true } },
    ['wait online', MAIL_MENTION],
  ],
  [
    'mentioned, after the grace: mail was decided',
    { message: mentionsBob, now: { graceOver: true } },
    ['push f1 mentioned'],
  ],
  [
    'mentioned, push off: mail',
    { message: mentionsBob, settings: { push: false } },
    ['none push_off', MAIL_MENTION],
  ],
  ['mentioned, no device: mail', { message: mentionsBob, devices: [] }, ['none no_device', MAIL_MENTION]],

  // Joining
  [
    'added to a group',
    { message: adds(ann, bob, cid), member: { joinedSeq: 10, readSeq: 10 } },
    ['push f1 added, no text'],
  ],
  [
    'added, and has looked since',
    { message: adds(ann, bob), member: { joinedSeq: 9, readSeq: 11 } },
    ['none read'],
  ],
  ['another was added', { message: adds(ann, cid) }, ['none system_message']],
  ['joined by oneself', { message: adds(bob, bob) }, ['none system_message']],

  // Reactions
  ['a reaction, by default', { event: reaction() }, ['none reactions_off']],
  ['a reaction to mine', { event: reaction(), settings: { reactions: true } }, ['push f1 reaction']],
  ['my own', { event: reaction({ actorId: bob }), settings: { reactions: true } }, ['none sender']],
  [
    "to somebody else's",
    { event: reaction({ authorId: cid }), settings: { reactions: true } },
    ['none not_concerned'],
  ],
  [
    'taken away since',
    { event: reaction(), settings: { reactions: true }, now: { withdrawn: true } },
    ['none withdrawn'],
  ],
  [
    'online: seen there',
    { event: reaction(), settings: { reactions: true }, now: { online: true } },
    ['none online'],
  ],
  [
    'of somebody blocked',
    { event: reaction(), settings: { reactions: true }, recipient: { blocksActor: true } },
    ['none blocked'],
  ],
  [
    'to a message since deleted',
    { event: reaction(), settings: { reactions: true }, now: { deleted: true } },
    ['none deleted'],
  ],
  [
    'muted',
    { event: reaction(), settings: { reactions: true }, member: { mutedUntilMs: NOW + 1 } },
    ['none muted'],
  ],

  // Calls, sign-ins, and what was read on another device
  ['a missed call', { event: missedCall, now: { online: true } }, ['push f1 call_missed, no text']],
  ['a missed call, quiet', { event: missedCall, settings: { quietHours: noon } }, ['none quiet_hours']],
  [
    'a missed call of somebody blocked',
    { event: missedCall, recipient: { blocksActor: true } },
    ['none blocked'],
  ],
  [
    'a sign-in, on the other devices, even when quiet',
    {
      event: signIn,
      settings: { quietHours: noon },
      recipient: { membership: null },
      devices: [{ ...phone, sessionId: here }, tablet],
    },
    ['none f1 this_device', 'push f2 sign_in, no text'],
  ],
  [
    'read elsewhere: silently, where that can be',
    {
      event: readElsewhere,
      devices: [phone, device('f3', { platform: 'web' })],
      settings: { quietHours: noon },
    },
    ['push f1 read_elsewhere, no text', 'none f3 not_silent'],
  ],
]

describe('decide', () => {
  it.each(TABLE)('%s', (_name, input, expected) => {
    expect(decisions(input).map(inWords)).toEqual(expected)
  })
})
