import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  displayNameFault,
  emailIdentity,
  identifierOf,
  phoneIdentity,
  usernameFault,
  usernameKey,
} from './identity.ts'

describe('usernames', () => {
  it('are ASCII that nobody can mistake for another', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        if (usernameFault(text) !== null) return
        expect(text).toMatch(/^[\x21-\x7e]{2,32}$/)
        expect(text.normalize('NFKC')).toBe(text)
        expect(usernameKey(usernameKey(text))).toBe(usernameKey(text))
      }),
    )
  })

  it.each(['ann', 'A1', 'a.b-c_d', '0x', 'a'.repeat(32)])('take %s', (name) => {
    expect(usernameFault(name)).toBeNull()
  })

  it.each([
    '',
    'a',
    '.a',
    'a.',
    'a..b',
    'a._b',
    'a b',
    'аnn',
    'ann\u200b',
    'a@b',
    '+15551234567',
    'a'.repeat(33),
  ])('refuse %j', (name) => {
    expect(usernameFault(name)).not.toBeNull()
  })
})

describe('addresses', () => {
  it.each([
    ['Ann@Example.ORG', 'ann@example.org'],
    [' ann+tag@example.org ', 'ann+tag@example.org'],
    ['ann@bücher.example', 'ann@xn--bcher-kva.example'],
    ["o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk"],
  ])('read %j as %j', (text, key) => {
    expect(emailIdentity(text)?.key).toBe(key)
  })

  it.each([
    'a',
    '@b.example',
    'a@',
    'a@b',
    'a@@b.example',
    'a b@c.example',
    '.a@b.example',
    'a..b@c.example',
    '"a"@b.example',
    'a@[127.0.0.1]',
    'a@1.2.3.4',
    'a@b.example,c@d.example',
    'a@b.example\r\nBcc: c@d.example',
    `${'a'.repeat(65)}@b.example`,
    `a@${'b'.repeat(64)}.example`,
    `a@${'b.'.repeat(130)}example`,
    'a\u0000@b.example',
    'а@b.example',
  ])('refuse %j', (text) => {
    expect(emailIdentity(text)).toBeNull()
  })

  it('are compared by a key that is its own key', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const identity = emailIdentity(text)
        if (identity) expect(emailIdentity(identity.key)?.key).toBe(identity.key)
      }),
    )
  })

  it('take phone numbers in E.164 alone, however spaced', () => {
    expect(phoneIdentity('+1 (555) 123-4567')?.key).toBe('+15551234567')
    for (const text of [
      '15551234567',
      '+05551234567',
      '+1555',
      '+1555CALLNOW',
      '+1555123456789012',
      '++15551234567',
      '+１５５５１２３４５６７',
    ])
      expect(phoneIdentity(text)).toBeNull()
  })

  it('and usernames are never taken for each other', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const identifier = identifierOf(text)
        if (identifier?.kind === 'username') {
          expect(emailIdentity(text)).toBeNull()
          expect(phoneIdentity(text.trim())).toBeNull()
        }
      }),
    )
  })
})

describe('display names', () => {
  it.each(['Ann', 'Ännchen von Tharau', '李小龍', '👩‍👩‍👧 family', 'אבג', 'a'.repeat(64)])(
    'take %s',
    (name) => {
      expect(displayNameFault(name)).toBeNull()
    },
  )

  it.each([
    '',
    ' ',
    ' a',
    'a ',
    'a\nb',
    'a\u0000b',
    'a\u202eb',
    'a\u200bb',
    '\ufeffa',
    'a'.repeat(65),
    '\ud800',
  ])('refuse %j', (name) => {
    expect(displayNameFault(name)).not.toBeNull()
  })
})
