import { describe, expect, it } from '@jest/globals'
import { leftOut } from './left-out.ts'

const cassandra = { contactPoints: ['127.0.0.1:9042'], localDc: 'datacenter1' }
const rabbitmq = { url: 'amqp://127.0.0.1', managementUrl: 'http://127.0.0.1:15672' }
const all = {
  postgres: { url: 'postgres://127.0.0.1' },
  redis: { url: 'redis://127.0.0.1' },
  rabbitmq,
  cassandra,
}
const MIGRATOR = 'internal/repository/cassandra/migrator.test.ts'

describe('leftOut', () => {
  it('leaves out nothing when every service is there', () => {
    expect(leftOut(all, true)).toEqual({ missing: [], files: [] })
  })

  it('leaves out the files that ask for a missing service, and only those', () => {
    const { missing, files } = leftOut({ ...all, cassandra: undefined }, true)
    expect(missing).toEqual(['cassandra'])
    expect(files).toContain(MIGRATOR)
    expect(files).not.toContain('internal/repository/postgres/migrator.test.ts')
    expect(files).not.toContain('internal/repository/migration/plan.test.ts')
  })

  it('leaves out a file that needs one missing service and one that is there', () => {
    expect(leftOut({ ...all, postgres: undefined }, true).files).toContain(MIGRATOR)
  })

  it('leaves out what runs Python where there is none', () => {
    const { missing, files } = leftOut(all, false)
    expect(missing).toEqual(['python3'])
    expect(files.toSorted()).toEqual([
      'cmd/openapi.soak.test.ts',
      'cmd/openapi.test.ts',
      'cmd/published-clients.test.ts',
    ])
  })
})
