import type { Seq } from '../../domain/ids.ts'

/**
 * An aligned power of two of places, named by one number: (2 * place + 1) * 2^level for the places
 * place * 2^level up to the next. Odd numbers are single messages.
 */
export interface Span {
  tier: number
  bucket: number
  span: number
}

/** Levels per tier: a partition of a tier holds spans of ten levels within one span of the level above them. */
const TIER_LEVELS = 10
/** Seqs have 40 bits. */
const LEVELS = 40

/** Places in one partition of a tier. */
function breadth(tier: number): number {
  return 2 ** ((tier + 1) * TIER_LEVELS)
}

function spanAt(seq: Seq, level: number): Span {
  const place = Math.floor(seq / 2 ** level)
  const tier = Math.floor(level / TIER_LEVELS)
  return {
    tier,
    bucket: Math.floor(seq / breadth(tier)),
    span: (2 * place + 1) * 2 ** level,
  }
}

/** The fewest spans that make up the seqs above `from` up to `to`; at most two of a level. */
export function spansBetween(from: Seq, to: Seq): Span[] {
  const spans: Span[] = []
  const end = to + 1
  for (let seq = from + 1; seq < end; ) {
    let level = 0
    while (level + 1 < LEVELS && seq % 2 ** (level + 1) === 0 && seq + 2 ** (level + 1) <= end) level++
    spans.push(spanAt(seq, level))
    seq += 2 ** level
  }
  return spans
}

/** Every span that holds this seq. */
export function spansHolding(seq: Seq): Span[] {
  return Array.from({ length: LEVELS }, (_, level) => spanAt(seq, level))
}

/** Partitions whose last seq is one of these: when all up to `to` are removed, step by step, each is named once. */
export function partitionsEnding(from: Seq, to: Seq): Omit<Span, 'span'>[] {
  const partitions: Omit<Span, 'span'>[] = []
  for (let tier = 0; tier < LEVELS / TIER_LEVELS; tier++) {
    const size = breadth(tier)
    const last = Math.floor((to + 1) / size) - 1
    for (let bucket = Math.ceil((from + 1) / size) - 1; bucket <= last; bucket++)
      partitions.push({ tier, bucket })
  }
  return partitions
}
