import type { Notice } from '../../service/verification/ports.ts'
import { type Block, frame } from './frame.ts'
import { lineOf } from './line.ts'
import type { Letter } from './ports.ts'

const CODE_SUBJECTS = {
  sign_in: 'Your sign-in code',
  verify: 'Confirm your address',
  reset: 'Reset your password',
} as const

/** Notice → words. A text message has room for the first line only. */
export function letterOf(notice: Notice, id: string): Letter {
  const { subject, blocks } = wordsOf(notice)
  return frame({ id, subject, blocks, unsubscribeUrl: null })
}

function wordsOf(notice: Notice): { subject: string; blocks: Block[] } {
  if (notice.kind === 'password_changed') {
    return {
      subject: 'Your password was changed',
      blocks: [
        text('The password of your RealChat account was changed, and other devices were signed out.'),
        text('If this was not you, reset your password now.'),
      ],
    }
  }
  if (notice.kind === 'new_sign_in') return newSignIn(notice)
  const { code, minutes, purpose } = notice
  return {
    subject: `${CODE_SUBJECTS[purpose]}: ${code}`,
    blocks: [
      text(`${code} is your RealChat code. It works once, for ${minutes} minutes.`),
      { kind: 'code', text: code },
      {
        kind: 'muted',
        text: 'Nobody from RealChat will ask you for it. If you did not ask for it, do nothing.',
      },
    ],
  }
}

/** No link: whoever forges such a mail would put one in. */
function newSignIn({ device, address, at }: Extract<Notice, { kind: 'new_sign_in' }>) {
  const when = at
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
  const facts = [
    ['Device', lineOf(device, 100)],
    ['Address', address],
    ['Time', when],
  ] as const
  return {
    subject: 'New sign-in to your account',
    blocks: [
      text('Your RealChat account was signed in to from a device or an address it has not seen before.'),
      { kind: 'facts' as const, facts },
      text(
        'If this was you, do nothing. If not, open RealChat, end this session in your list of devices, and change your password.',
      ),
    ],
  }
}

function text(words: string): Block {
  return { kind: 'text', text: words }
}
