import type { LogEntry } from '../domain/log-entry.ts'

/** Ascending by seq; of several eras of one seq the newest, as the others belong to a lost future. */
export function newestEras(entries: readonly LogEntry[]): LogEntry[] {
  const sorted = entries.toSorted((a, b) => a.seq - b.seq || b.era - a.era)
  return sorted.filter((entry, index) => entry.seq !== sorted[index - 1]?.seq)
}
