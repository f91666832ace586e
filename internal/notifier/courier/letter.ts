import { escapeHtml } from '../../platform/html.ts'
import type { Notice } from '../../service/verification/ports.ts'
import type { Letter } from './ports.ts'

const CODE_SUBJECTS = {
  sign_in: 'Your sign-in code',
  verify: 'Confirm your address',
  reset: 'Reset your password',
} as const

/** Notice → words. */
export function letterOf(notice: Notice): Letter {
  if (notice.kind === 'password_changed') {
    return letter('Your password was changed', [
      'The password of your RealChat account was changed, and other devices were signed out.',
      'If this was not you, reset your password now.',
    ])
  }
  if (notice.kind === 'new_sign_in') {
    const when = notice.at
      .toISOString()
      .replace('T', ' ')
      .replace(/\.\d+Z$/, ' UTC')
    // No link: whoever forges such a mail would put one in.
    return letter('New sign-in to your account', [
      'Your RealChat account was signed in to from a device or an address it has not seen before.',
      `Device: ${notice.device}`,
      `Address: ${notice.address}`,
      `Time: ${when}`,
      'If this was you, do nothing. If not, open RealChat, end this session in your list of devices, and change your password.',
    ])
  }
  const { code, minutes, purpose } = notice
  return letter(`${CODE_SUBJECTS[purpose]}: ${code}`, [
    `${code} is your RealChat code. It works once, for ${minutes} minutes.`,
    'Nobody from RealChat will ask you for it. If you did not ask for it, do nothing.',
  ])
}

/** @param lines plain text; what devices call themselves may be anything. */
function letter(subject: string, lines: string[]): Letter {
  return {
    subject,
    text: `${lines.join('\n\n')}\n`,
    html: `<!doctype html><html lang="en"><meta charset="utf-8">${lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('')}</html>`,
  }
}
