import { join } from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { createPool } from '../repository/postgres/database.ts'
import { type ApiUnderAttack, startApiUnderAttack } from './api-under-attack.ts'
import { Person } from './client.ts'
import { eventually } from './eventually.ts'
import { installSchemathesis, runSchemathesis } from './schemathesis.ts'

const CONFIG = join(import.meta.dirname, '../../cmd/openapi.toml')
/** They end the session that asks, so that whatever comes after them would be refused. */
const ENDING = '^(postAuthLogout|deleteAuthSessions.*|deleteUsersMe)$'
const INSTALL_MS = 300_000

/** Somebody whose token may do everything, administration included. */
async function administrator({ url, env }: ApiUnderAttack): Promise<Person> {
  const person = await Person.register(url)
  const pool = createPool({ url: env['DATABASE_URL'] ?? '', max: 1, applicationName: 'test' })
  await pool.query(`update users set role = 'admin' where id = $1`, [person.id]).finally(() => pool.end())
  await eventually(async () => expect((await person.call(url, 'GET', '/admin/users')).status).toBe(200))
  return person
}

/** Schemathesis over every documented operation of a real API process. */
export function openApiSuite(size: { maxExamples: number; seed: number; timeoutMs: number }): void {
  const { maxExamples, seed, timeoutMs } = size
  let api: ApiUnderAttack

  beforeAll(async () => {
    await installSchemathesis()
    api = await startApiUnderAttack()
  }, INSTALL_MS)

  describe('the document and the process agree', () => {
    const check = async (flag: string) => {
      const { token } = await administrator(api)
      const asked = { url: api.url, token, config: CONFIG, seed, maxExamples }
      const { code, output } = await runSchemathesis({ ...asked, args: [flag, ENDING] })
      expect(output).toContain('Tested:')
      if (code !== 0) throw new Error(`schemathesis found faults:\n${output}`)
      // Somebody new: as an administrator it may have suspended everybody else.
      await Person.register(api.url)
      api.mustHaveNoFaults()
    }

    it(
      'on all operations but those that end a session',
      async () => {
        await check('--exclude-operation-id-regex')
      },
      timeoutMs,
    )

    it(
      'on those that end a session',
      async () => {
        await check('--include-operation-id-regex')
      },
      timeoutMs,
    )
  })
}
