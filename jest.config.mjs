import { existsSync } from 'node:fs'

const soak = process.env.SOAK === '1'

/** @type {import('jest').Config} */
export default {
  roots: ['internal', 'cmd', 'bench', 'examples', 'scripts'].filter((folder) => existsSync(folder)),
  testMatch: soak ? ['**/*.soak.test.ts'] : ['**/*.test.ts', '!**/*.soak.test.ts'],
  testEnvironment: './internal/testkit/environment.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  maxWorkers: 2,
  testTimeout: soak ? 1_800_000 : 30_000,
  watchman: false,
}
