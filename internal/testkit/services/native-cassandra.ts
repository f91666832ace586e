import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import cassandra from 'cassandra-driver'
import { type CassandraPlace, cassandraYaml, jvmArguments, LOGBACK } from './cassandra-files.ts'
import type { NativeService } from './native.ts'
import { findProgram, freePorts, launch, type ProcessRecord, untilReady } from './processes.ts'

const VERSION = '5.0.9'
/** Downloaded once per machine: 66 MB. */
const CACHE = join(homedir(), '.cache', 'realchat', `cassandra-${VERSION}`)

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>realchat</groupId><artifactId>services</artifactId><version>1</version>
<dependencies><dependency>
<groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>${VERSION}</version>
</dependency></dependencies></project>
`

export const nativeCassandra: NativeService<'cassandra'> = {
  label: 'Cassandra',
  packages: ['openjdk-17-jre-headless', 'maven'],
  installed: () => findProgram('java') !== null && (existsSync(CACHE) || findProgram('mvn') !== null),
  async start(folder, started) {
    const [nativePort = 0, storagePort = 0, jmxPort = 0] = await freePorts(3)
    const place = { nativePort, storagePort, jmxPort, host: '127.0.0.1', token: null }
    return startCassandra(folder, place, started)
  },
}

export async function startCassandra(
  folder: string,
  place: CassandraPlace,
  started: (record: ProcessRecord) => void,
): Promise<{ contactPoints: string[]; localDc: string }> {
  if (!existsSync(CACHE)) download()
  const conf = join(folder, 'conf')
  mkdirSync(conf)
  writeFileSync(join(conf, 'cassandra.yaml'), cassandraYaml(folder, place))
  writeFileSync(join(conf, 'logback.xml'), LOGBACK)
  const logFile = join(folder, 'cassandra.log')
  const record = launch({
    command: findProgram('java') ?? 'java',
    args: jvmArguments({ folder, lib: join(CACHE, 'lib'), jmxPort: place.jmxPort }),
    logFile,
  })
  started(record)
  const address = { contactPoints: [`${place.host}:${place.nativePort}`], localDc: 'datacenter1' }
  await untilReady('Cassandra', record, logFile, () => answersCassandra(address), 180_000)
  return address
}

/** Into a folder beside the cache first, so that a download cut short is never taken for a whole one. */
function download(): void {
  const parent = join(CACHE, '..')
  mkdirSync(parent, { recursive: true })
  const part = mkdtempSync(join(parent, 'download-'))
  try {
    writeFileSync(join(part, 'pom.xml'), POM)
    const goal = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(part, 'lib')}`]
    execFileSync('mvn', goal, { cwd: part, stdio: ['ignore', 'inherit', 'inherit'] })
    renameSync(part, CACHE)
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

/** @throws when no CQL connection can be made; an open port is not enough */
export async function answersCassandra(address: { contactPoints: string[]; localDc: string }): Promise<void> {
  const client = new cassandra.Client({
    contactPoints: address.contactPoints,
    localDataCenter: address.localDc,
    pooling: { coreConnectionsPerHost: { [cassandra.types.distance.local]: 1 } },
  })
  try {
    await client.connect()
    await client.execute('select release_version from system.local')
  } finally {
    await client.shutdown()
  }
}
