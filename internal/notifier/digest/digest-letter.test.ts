import { describe, expect, it } from '@jest/globals'
import type { ConversationId, MessageId } from '../../domain/ids.ts'
import { DEFAULT_NOTIFICATION_SETTINGS } from '../../domain/notification.ts'
import { messageEvent } from '../../testkit/events.ts'
import { ann, bob } from '../../testkit/notify-case.ts'
import { digestLetter } from './digest-letter.ts'
import type { Told } from './select.ts'

const settings = DEFAULT_NOTIFICATION_SETTINGS
const options = {
  id: 'id',
  publicUrl: 'https://chat.example.org',
  unsubscribeUrl: 'https://chat.example.org/out',
}

function told(
  seq: number,
  more: { in?: string; content?: string; names?: Partial<Told['names']> } = {},
): Told {
  const conversationId = (more.in ?? 'c1') as ConversationId
  const createdAt = new Date(Date.UTC(2026, 10, 21, 9, seq)).toISOString()
  const content = more.content ?? `text ${seq}.`
  const { message } = messageEvent({ conversationId, senderId: ann, seq, message: { content, createdAt } })
  const names = { kind: 'direct' as const, conversation: null, sender: 'Ann', ...more.names }
  return {
    item: { conversationId, seq, day: '2026-11-21', eventId: `${conversationId}:1:s${seq}` },
    message: { ...message, id: 'm' as MessageId },
    reason: names.kind === 'direct' ? 'direct' : 'mentioned',
    names,
    recipient: {
      userId: bob,
      status: 'active',
      blocksActor: false,
      hasEmail: true,
      hasDevice: true,
      settings,
      membership: null,
    },
  }
}

const kitchen = { kind: 'group', conversation: 'Kitchen' } as const

describe('digestLetter', () => {
  it.each<[string, Told[]]>([
    ['New message from Ann', [told(1)]],
    ['2 unread messages from Ann', [told(1), told(2)]],
    ['Ann mentioned you in Kitchen', [told(1, { names: kitchen })]],
    ['2 mentions of you in Kitchen', [told(1, { names: kitchen }), told(2, { names: kitchen })]],
    ['2 unread messages in 2 conversations', [told(1), told(2, { in: 'c2', names: kitchen })]],
    ['New message from A B Bcc: x', [told(1, { names: { sender: 'A\u202e B\r\nBcc: x' } })]],
  ])('is called "%s"', (subject, items) => {
    expect(digestLetter(items, settings, options).subject).toBe(subject)
  })

  it('shows the last five of a conversation and the ten liveliest last conversations, and counts the rest', () => {
    const items = [
      ...Array.from({ length: 8 }, (_, i) => told(i + 1, { in: 'c0' })),
      ...Array.from({ length: 11 }, (_, i) =>
        told(20 + i, { in: `d${i}`, names: { sender: `Friend ${i}` } }),
      ),
    ]
    const { text, subject } = digestLetter(items, settings, options)
    expect(subject).toBe('19 unread messages in 12 conversations')
    expect(text).toContain('And 2 more conversations.')
    expect(text.indexOf('Friend 10')).toBeLessThan(text.indexOf('Friend 9'))
    const { text: one } = digestLetter(items.slice(0, 8), settings, options)
    expect(one).toContain('3 earlier ones, and then:')
    expect(one).not.toContain('text 3.')
    expect(one).toContain('text 4.')
  })

  it('links to where reading goes on, cuts what is long, and names what is no text', () => {
    const { text, html } = digestLetter(
      [told(7, { content: 'x'.repeat(500) }), told(8, { content: ' ' })],
      settings,
      options,
    )
    expect(text).toContain('https://chat.example.org/conversations/c1?seq=7')
    expect(html).toContain('href="https://chat.example.org/conversations/c1?seq=7"')
    expect(text).toContain(`${'x'.repeat(199)}…`)
    expect(text).toContain('Sent an attachment')
  })

  it('tells the time by the clock of the quiet hours, else in UTC', () => {
    expect(digestLetter([told(1)], settings, options).text).toContain('21 Nov, 09:01 UTC')
    const quietHours = { start: '22:00', end: '07:00', timeZone: 'Asia/Tokyo', days: ['mon' as const] }
    const { text } = digestLetter([told(1)], { ...settings, quietHours }, options)
    expect(text).toContain('Ann (21 Nov, 18:01)')
  })
})
