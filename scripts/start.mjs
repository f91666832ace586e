/** `npm start`: installs and builds what is missing, then runs the standalone server. */
import { build, handOver, install, requireNode } from './bootstrap.mjs'

requireNode()
await install()
await build()
handOver(['--enable-source-maps', 'dist/cmd/standalone/main.js', ...process.argv.slice(2)])
