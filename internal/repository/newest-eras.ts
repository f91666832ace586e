import type { ChangeEntry } from '../domain/change.ts'
import type { LogEntry } from '../domain/log-entry.ts'

/** Ascending by seq; of several eras of one seq the newest, as the others belong to a lost future. */
export function newestEras(entries: readonly LogEntry[]): LogEntry[] {
  return newest(entries, ({ seq }) => seq)
}

/** The same of changes, by rev. */
export function newestEraChanges(entries: readonly ChangeEntry[]): ChangeEntry[] {
  return newest(entries, ({ rev }) => rev)
}

function newest<Entry extends { era: number }>(
  entries: readonly Entry[],
  place: (entry: Entry) => number,
): Entry[] {
  const sorted = entries.toSorted((a, b) => place(a) - place(b) || b.era - a.era)
  return sorted.filter((entry, index) => {
    const before = sorted[index - 1]
    return before === undefined || place(before) !== place(entry)
  })
}
