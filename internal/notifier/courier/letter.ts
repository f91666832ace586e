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
  const { code, minutes, purpose } = notice
  return letter(`${CODE_SUBJECTS[purpose]}: ${code}`, [
    `${code} is your RealChat code. It works once, for ${minutes} minutes.`,
    'Nobody from RealChat will ask you for it. If you did not ask for it, do nothing.',
  ])
}

/** @param lines plain text without markup: only this module's own words and digits. */
function letter(subject: string, lines: string[]): Letter {
  return {
    subject,
    text: `${lines.join('\n\n')}\n`,
    html: `<!doctype html><html lang="en"><meta charset="utf-8">${lines.map((line) => `<p>${line}</p>`).join('')}</html>`,
  }
}
