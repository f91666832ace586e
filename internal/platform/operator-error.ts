/** A failure that whoever runs the program can mend: its message is printed as it is, without a stack. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError'
}
