import { join } from 'node:path'

export interface CassandraPlace {
  nativePort: number
  storagePort: number
  jmxPort: number
  /** Of the loopback network; a cluster's nodes differ in it alone. The first is the seed. */
  host: string
  /** Where the node's share of the ring begins; null lets it choose, which is for a node by itself. */
  token: string | null
}

/** One node that keeps little in memory and forgets nothing it acknowledged for more than a second. */
export function cassandraYaml(folder: string, place: CassandraPlace): string {
  const { nativePort, storagePort, host, token } = place
  return `cluster_name: realchat-test
num_tokens: 1
${token === null ? '' : `initial_token: ${token}\nauto_bootstrap: false\n`}partitioner: org.apache.cassandra.dht.Murmur3Partitioner
commitlog_sync: periodic
commitlog_sync_period: 1000ms
data_file_directories: [${folder}/data]
commitlog_directory: ${folder}/commitlog
saved_caches_directory: ${folder}/saved_caches
hints_directory: ${folder}/hints
cdc_raw_directory: ${folder}/cdc
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "127.0.0.1:${storagePort}"}]
listen_address: ${host}
rpc_address: ${host}
storage_port: ${storagePort}
native_transport_port: ${nativePort}
start_native_transport: true
memtable_heap_space: 128MiB
memtable_offheap_space: 128MiB
key_cache_size: 16MiB
file_cache_size: 64MiB
auto_snapshot: false
storage_compatibility_mode: NONE
`
}

export const LOGBACK = `<configuration>
<appender name="console" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%-5level %date{ISO8601} %logger{0}: %msg%n</pattern></encoder>
</appender>
<root level="WARN"><appender-ref ref="console"/></root>
</configuration>
`

// What Cassandra 5 reaches into on Java 17, as in its own conf/jvm17-server.options.
const EXPORTS = [
  'java.base/jdk.internal.misc',
  'java.base/java.lang.ref',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.unsupported/sun.misc',
  'jdk.compiler/com.sun.tools.javac.file',
  'jdk.attach/sun.tools.attach',
]
const OPENS = [
  ...['java.lang.module', 'jdk.internal.loader', 'jdk.internal.ref', 'jdk.internal.reflect'],
  ...['jdk.internal.math', 'jdk.internal.module', 'jdk.internal.util.jar', 'sun.nio.ch', 'java.io'],
  ...['java.nio', 'java.lang', 'java.lang.reflect', 'java.util'],
].map((name) => `java.base/${name}`)
const OTHER_OPENS = ['jdk.management/com.sun.management.internal', 'jdk.compiler/com.sun.tools.javac']

export function jvmArguments(node: { folder: string; lib: string; jmxPort: number }): string[] {
  const { folder, lib, jmxPort } = node
  const conf = join(folder, 'conf')
  return [
    ...['-Xms768m', '-Xmx768m', '-Xss256k', '-XX:+UseG1GC', '-XX:+ExitOnOutOfMemoryError'],
    '-Djdk.attach.allowAttachSelf=true',
    '-Dio.netty.tryReflectionSetAccessible=true',
    '-Djava.net.preferIPv4Stack=true',
    `-javaagent:${join(lib, 'jamm-0.4.0.jar')}`,
    `-Dcassandra.config=file://${join(conf, 'cassandra.yaml')}`,
    `-Dlogback.configurationFile=${join(conf, 'logback.xml')}`,
    `-Dcassandra.storagedir=${folder}`,
    '-Dcassandra.ring_delay_ms=0',
    '-Dcassandra.skip_wait_for_gossip_to_settle=0',
    '-Dcassandra-foreground=yes',
    `-Dcassandra.jmx.local.port=${jmxPort}`,
    ...EXPORTS.flatMap((name) => ['--add-exports', `${name}=ALL-UNNAMED`]),
    ...[...OPENS, ...OTHER_OPENS].flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
    ...['-cp', `${conf}:${lib}/*`, 'org.apache.cassandra.service.CassandraDaemon'],
  ]
}
