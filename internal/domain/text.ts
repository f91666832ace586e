export const TEXT_MAX_CODE_POINTS = 8000

// Control characters other than tab, LF and CR; in unicode mode a surrogate matches only when unpaired.
const FORBIDDEN = /[[\p{Cc}\p{Surrogate}]--[\t\n\r]]/v

/** Number of Unicode code points; cheaper than spreading the string. */
export function codePoints(text: string): number {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xdc00 || unit > 0xdfff) count++
  }
  return count
}

/** Why a message's text is refused, or null when it is good. Text is never changed. */
export function textFault(text: string): string | null {
  if (FORBIDDEN.test(text)) return 'contains a control character or an unpaired surrogate'
  if (text.trim() === '') return 'must contain more than white space'
  if (text.length > TEXT_MAX_CODE_POINTS && codePoints(text) > TEXT_MAX_CODE_POINTS) {
    return `is longer than ${TEXT_MAX_CODE_POINTS} characters`
  }
  return null
}

/** The first `max` code points of a text. */
export function excerpt(text: string, max: number): string {
  if (text.length <= max) return text
  return Array.from(text.slice(0, max * 2))
    .slice(0, max)
    .join('')
}
