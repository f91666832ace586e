/** Part of a list, and the cursor of what follows; null at its end. */
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** The page of `limit` in what a query for one more has found: whether there is one more says if more follows. */
export function cutPage<Item>(
  found: readonly Item[],
  limit: number,
  cursorOf: (last: Item) => string,
): Page<Item> {
  const items = found.slice(0, limit)
  const last = found.length > limit ? items.at(-1) : undefined
  return { items, nextCursor: last === undefined ? null : cursorOf(last) }
}
