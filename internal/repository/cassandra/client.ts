import cassandra from 'cassandra-driver'

export interface CassandraAddress {
  contactPoints: string[]
  localDc: string
  keyspace: string
}

const ANSWER_TIMEOUT_MS = 2000

/** A client with the settings that this system relies on; the driver's own defaults are weaker. */
export function createCassandraClient({
  contactPoints,
  localDc,
  keyspace,
}: CassandraAddress): cassandra.Client {
  return new cassandra.Client({
    contactPoints,
    localDataCenter: localDc,
    keyspace,
    queryOptions: {
      consistency: cassandra.types.consistencies.localQuorum,
      prepare: true,
      isIdempotent: true,
    },
    socketOptions: { readTimeout: ANSWER_TIMEOUT_MS, connectTimeout: ANSWER_TIMEOUT_MS },
    pooling: { warmup: false },
    encoding: { useBigIntAsLong: true },
  })
}
