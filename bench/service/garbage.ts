import { once } from 'node:events'
import type { Binary } from '../../internal/testkit/binary.ts'
import { eventually } from '../../internal/testkit/eventually.ts'

const TIMES = 3

/** Has a server's garbage collected through its debugger; `--inspect-port` is among its options. */
export async function collectGarbage(server: Binary): Promise<void> {
  if (!addressIn(server.stderr)) server.signal('SIGUSR1')
  await eventually(() => {
    if (!addressIn(server.stderr)) throw new Error(`no debugger: ${server.stderr}`)
  })
  const debuggerSocket = new WebSocket(addressIn(server.stderr) ?? '')
  await once(debuggerSocket, 'open')
  for (let id = 1; id <= TIMES; id++) {
    const done = once(debuggerSocket, 'message')
    debuggerSocket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }))
    await done
  }
  debuggerSocket.close()
}

function addressIn(text: string): string | undefined {
  return /Debugger listening on (ws:\S+)/.exec(text)?.[1]
}
