import { Binary, type BinaryName } from './binary.ts'

interface Slot {
  name: BinaryName
  env: Record<string, string>
  binary: Binary
  expected: boolean
}

/** The processes of a cluster, each of which may be killed and comes back; tells of those that ended unasked. */
export class ClusterUnderFaults {
  readonly endedByThemselves: string[] = []
  readonly #slots: Slot[] = []

  async start(name: BinaryName, env: Record<string, string>): Promise<number> {
    const slot: Slot = { name, env, binary: new Binary(name, env), expected: false }
    this.#slots.push(slot)
    this.#watch(slot)
    await slot.binary.ready()
    return this.#slots.length - 1
  }

  /** kill -9, then the same again once it is gone. */
  async killAndRestart(index: number): Promise<void> {
    const slot = this.#slots[index]
    if (!slot) throw new RangeError(`no process ${index}`)
    slot.expected = true
    slot.binary.signal('SIGKILL')
    await slot.binary.exited
    slot.binary = new Binary(slot.name, slot.env)
    slot.expected = false
    this.#watch(slot)
    await slot.binary.ready()
  }

  #watch(slot: Slot): void {
    const { binary } = slot
    void binary.exited.then(({ code, signal }) => {
      if (slot.binary !== binary || slot.expected) return
      const said = `${binary.stdout.slice(-2000)}${binary.stderr.slice(-2000)}`
      this.endedByThemselves.push(`${slot.name} ended with ${code ?? signal}: ${said}`)
    })
  }
}
