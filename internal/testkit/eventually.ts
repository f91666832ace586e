const POLL_MS = 20

/** Resolves when the condition holds; rejects with the last failure after `withinMs`. */
export async function eventually(
  condition: () => void | Promise<void>,
  { withinMs = 20_000 } = {},
): Promise<void> {
  const deadline = Date.now() + withinMs
  for (;;) {
    try {
      return await condition()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}
