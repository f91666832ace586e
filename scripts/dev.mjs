/** `npm run dev`: the standalone server from source, started again whenever a file changes. */
import { handOver, install, requireNode } from './bootstrap.mjs'

requireNode()
await install()
handOver(['--watch', '--watch-preserve-output', 'cmd/standalone/main.ts', ...process.argv.slice(2)])
