import { excerpt } from '../../domain/text.ts'

// Overrides of the direction would turn what stands behind them; marks without width hide.
const INVISIBLE = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu
const BLANK = /[\s\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu

/** What a person wrote as one line of at most `max` code points; it cannot begin another, nor a header. */
export function lineOf(text: string, max: number): string {
  const line = text.replaceAll(INVISIBLE, '').replaceAll(BLANK, ' ').trim()
  const cut = excerpt(line, max)
  return cut === line ? line : `${excerpt(line, max - 1).trimEnd()}…`
}
