/** The rules of the log (docs/consistency.md). Each can be taken out, to show that the model then finds a fault. */
export interface Rules {
  /** Numbers are given under the lock of the conversation's head, held to the commit. */
  headLock: boolean
  /** Followers see only rows of transactions below the oldest one that is still open. */
  horizon: boolean
  /** Followers go by transaction, then position, and not by position alone. */
  transactionOrder: boolean
  /** Readers look into the log first, and into the archive afterwards. */
  tailFirst: boolean
  /** What the archive lacks is looked up in the log again. */
  logHelpsOut: boolean
  /** The archive keeps what has the newest stamp, not what came last. */
  stamps: boolean
  /** A change is refused when its message was changed since it was looked at. */
  baseRev: boolean
  /** An operation that comes again is answered with its first result. */
  dedupe: boolean
  /** Followers go back to the safe cursor when the archive may have forgotten what it acknowledged. */
  replay: boolean
}

export const ALL_RULES: Rules = {
  headLock: true,
  horizon: true,
  transactionOrder: true,
  tailFirst: true,
  logHelpsOut: true,
  stamps: true,
  baseRev: true,
  dedupe: true,
  replay: true,
}

export function without(...rules: (keyof Rules)[]): Rules {
  return { ...ALL_RULES, ...Object.fromEntries(rules.map((rule) => [rule, false])) }
}
