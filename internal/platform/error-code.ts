/**
 * The code of an error of the operating system (`ENOENT`), Node or a driver; null for any other value.
 * Told by its shape: Node's own errors are no `Error` of the realm that a test file runs in.
 */
export function errorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}
