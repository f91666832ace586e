/** Conditions that were asked for, joined by `and`: those not given leave no trace in the plan. */
export class Filter {
  readonly values: unknown[] = []
  readonly #conditions: string[] = []

  /** @param condition SQL with `?` where the value goes. Without effect when the value is null. */
  where(condition: string, value: unknown): this {
    if (value === null) return this
    this.values.push(value)
    this.#conditions.push(condition.replaceAll('?', `$${this.values.length}`))
    return this
  }

  /** The next placeholder, for what is not a condition. */
  place(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }

  get sql(): string {
    return this.#conditions.length === 0 ? '' : `where ${this.#conditions.join(' and ')}`
  }
}

/** The bounds, lower included and upper not, between which a text begins with the ASCII prefix. */
export function prefixBounds(prefix: string): [string, string] {
  return [prefix, prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)]
}
