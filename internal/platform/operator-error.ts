/** A failure that whoever runs the program can mend: its message is printed as it is, without a stack. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError'

  /** `what`, with the first line of the cause's own words after it: drivers append whole objects. */
  static because(what: string, cause: unknown): OperatorError {
    return new OperatorError(`${what}: ${messageOf(cause).split('\n', 1)[0]}`, { cause })
  }
}

/** By shape, as Node's own errors are no `Error` of the realm that a test file runs in. */
function messageOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'message' in cause
    ? String(cause.message)
    : String(cause)
}
