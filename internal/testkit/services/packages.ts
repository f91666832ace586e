import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { findProgram, isRoot } from './processes.ts'

const POLICY = '/usr/sbin/policy-rc.d'

/** Whether missing programs can be had from Debian's packages. */
export const canInstall = (): boolean => isRoot && findProgram('apt-get') !== null

/** Installs packages without letting them start their services, which would only take memory. */
export function installPackages(names: string[]): void {
  const ownPolicy = !existsSync(POLICY)
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    apt('update', '-q')
    apt('install', '-q', '-y', '--no-install-recommends', ...names)
  } finally {
    if (ownPolicy) rmSync(POLICY)
  }
}

function apt(...args: string[]): void {
  execFileSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}
