/** One instruction of a Dockerfile, continuation lines joined. */
export interface Instruction {
  name: string
  text: string
}

export interface Stage {
  /** The base image. */
  from: string
  instructions: Instruction[]
}

export function parseDockerfile(source: string): Stage[] {
  const lines = source
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const stages: Stage[] = []
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === 'FROM') stages.push({ from: text.split(/\s+/)[0] ?? '', instructions: [] })
    else stages.at(-1)?.instructions.push({ name, text })
  }
  return stages
}

/** A line per fault: what makes an image unsafe, unrepeatable or slow to build again. */
export function lintDockerfile(source: string): string[] {
  const stages = parseDockerfile(source)
  const faults = stages.flatMap(({ from }) => (pinned(from) ? [] : [`FROM ${from}: not pinned to a version`]))
  for (const { instructions } of stages)
    faults.push(...instructions.flatMap(lintInstruction), ...lintOrder(instructions))
  return [...faults, ...lintFinal(stages.at(-1))]
}

const FORBIDDEN: readonly { name: string; pattern: RegExp; why: string }[] = [
  { name: 'ADD', pattern: /^/, why: 'use COPY' },
  { name: 'ENV', pattern: /SECRET|PASSWORD|TOKEN/, why: 'a secret in the image' },
  { name: 'COPY', pattern: /^(--\S+ )?\. /, why: 'name what is copied, not .' },
  { name: 'RUN', pattern: /\bsudo\b/, why: 'no sudo' },
  { name: 'CMD', pattern: /^[^[]/, why: 'the shell form does not pass signals on' },
  { name: 'ENTRYPOINT', pattern: /^[^[]/, why: 'the shell form does not pass signals on' },
]

function lintInstruction({ name, text }: Instruction): string[] {
  const faults = FORBIDDEN.filter((rule) => rule.name === name && rule.pattern.test(text)).map(
    ({ why }) => `${name}: ${why}`,
  )
  return name === 'RUN' && /apt-get install/.test(text) ? [...faults, ...lintApt(text)] : faults
}

function pinned(image: string): boolean {
  return /:\d+\.\d+\.\d+/.test(image)
}

function lintApt(text: string): string[] {
  const wanted = ['apt-get update', '--no-install-recommends', 'rm -rf /var/lib/apt/lists']
  return wanted.filter((part) => !text.includes(part)).map((part) => `RUN apt-get install: without ${part}`)
}

/** Dependencies are installed before sources are copied, so that an edit does not install them again. */
function lintOrder(instructions: readonly Instruction[]): string[] {
  const install = instructions.findIndex(({ name, text }) => name === 'RUN' && /npm (ci|install)/.test(text))
  const sources = instructions.findIndex(
    ({ name, text }) => name === 'COPY' && /\b(cmd|internal)\b/.test(text),
  )
  return install >= 0 && sources >= 0 && sources < install ? ['RUN npm ci: after the sources are copied'] : []
}

function lintFinal(stage: Stage | undefined): string[] {
  const has = (wanted: string) => stage?.instructions.find(({ name }) => name === wanted)?.text
  const faults: string[] = []
  const users = stage?.instructions.filter(({ name }) => name === 'USER').map(({ text }) => text) ?? []
  if (users.length === 0 || /^(root|0)\b/.test(users.at(-1) ?? '')) faults.push('USER: runs as root')
  if (!has('HEALTHCHECK')) faults.push('HEALTHCHECK: missing')
  if (/curl|wget/.test(has('HEALTHCHECK') ?? '')) faults.push('HEALTHCHECK: needs what the image has not')
  if (!has('ENTRYPOINT')?.includes('tini')) faults.push('ENTRYPOINT: no init')
  return faults
}
