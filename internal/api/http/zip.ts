import { PassThrough, pipeline, Readable } from 'node:stream'
import { ZipFile } from 'yazl'

export interface ZipEntry {
  name: string
  text: AsyncIterable<string>
}

/** A ZIP, written as it is read: of each entry nothing is asked for before its turn. */
export function zipOf(entries: readonly ZipEntry[]): Readable {
  const zip = new ZipFile()
  const output = new PassThrough()
  const fail = (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error)))
  let current: Readable | null = null
  for (const { name, text } of entries) {
    zip.addReadStreamLazy(name, (use) => {
      current = Readable.from(text)
      // Neither side tells the other by itself that it gave up.
      current.once('error', fail)
      use(null, current)
    })
  }
  output.once('close', () => current?.destroy())
  zip.on('error', fail)
  zip.end()
  pipeline(zip.outputStream, output, (error) => {
    if (error) fail(error)
  })
  return output
}
