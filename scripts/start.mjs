/** `npm start`: installs and builds what is missing, then runs the standalone server. */
import { build, handOver, install, requireNode } from './bootstrap.mjs'

requireNode()
await install()
await build()
// Most of what a message makes is garbage soon: with the default of 16 MB it is collected four times as often.
handOver([
  '--enable-source-maps',
  '--max-semi-space-size=64',
  'dist/cmd/standalone/main.js',
  ...process.argv.slice(2),
])
