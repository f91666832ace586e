const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_LIST, OPEN_MAP, CLOSE_LIST, CLOSE_MAP] = [0x5b, 0x7b, 0x5d, 0x7d]

/**
 * A key that an object of a JSON text has twice, or null. Parsers differ in which of the two they take, so what
 * a proxy or a log saw need not be what is acted upon. Text that is no JSON may be either.
 */
export function duplicateKey(text: string): string | null {
  // Keys so far of each open object; null for a list.
  const open: (Set<string> | null)[] = []
  let isKey = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === QUOTE) {
      const end = endOfString(text, i)
      const keys = isKey ? open.at(-1) : null
      const key = keys ? keyOf(text.slice(i, end + 1)) : ''
      if (keys?.has(key)) return key
      keys?.add(key)
      i = end
    } else isKey = structure(unit, open, isKey)
  }
  return null
}

/** Opens and closes what the unit does; answers whether a string that follows is a key. */
function structure(unit: number, open: (Set<string> | null)[], wasKey: boolean): boolean {
  if (unit === OPEN_MAP) open.push(new Set())
  else if (unit === OPEN_LIST) open.push(null)
  else if (unit === CLOSE_MAP || unit === CLOSE_LIST) open.pop()
  if (unit === COLON) return false
  return wasKey || unit === OPEN_MAP || unit === COMMA
}

/** Place of the quote that ends the string begun at `start`; the text's end when none does. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === QUOTE) return i
    if (unit === BACKSLASH) i++
  }
  return text.length
}

/** Escapes are undone, as two spellings are one key; only the well-formed ones, the parser refuses others. */
function keyOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  return quoted.slice(1, -1).replaceAll(/\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))/g, (_escape, hex, short) => {
    return hex === undefined ? (SHORT_ESCAPES[short] ?? '') : String.fromCharCode(Number.parseInt(hex, 16))
  })
}

const SHORT_ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}
