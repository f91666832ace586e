const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [OPEN_LIST, OPEN_MAP, CLOSE_LIST, CLOSE_MAP] = [0x5b, 0x7b, 0x5d, 0x7d]

/**
 * Whether a JSON text nests deeper than `max`. To be asked before it is parsed: what walks a parsed value by
 * recursion, `JSON.stringify` among it, overflows the stack on a deep one. Text that is no JSON may be either.
 */
export function nestsDeeperThan(text: string, max: number): boolean {
  if (!opensMoreThan(text, max)) return false
  let depth = 0
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === QUOTE) isQuoted = !isQuoted
    else if (isQuoted) {
      if (unit === BACKSLASH) i++
    } else if (unit === OPEN_LIST || unit === OPEN_MAP) {
      if (++depth > max) return true
    } else if (unit === CLOSE_LIST || unit === CLOSE_MAP) depth--
  }
  return false
}

/** Nearly every text has fewer brackets altogether than it may nest deep, which is soon seen. */
function opensMoreThan(text: string, max: number): boolean {
  let count = 0
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++count > max) return true
    }
  }
  return false
}
