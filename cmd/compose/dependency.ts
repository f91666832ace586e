/** A store this process uses: how to ask whether it answers, and how to leave it. */
export interface Dependency {
  name: string
  /** Whether the process can do its work without it. */
  required: boolean
  check(): Promise<void>
  close(): Promise<void>
}
