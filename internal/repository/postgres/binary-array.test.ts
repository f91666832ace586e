import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type pg from 'pg'
import { testPool } from '../../testkit/fixtures.ts'
import { testPostgres } from '../../testkit/services.ts'
import { binaryArray } from './binary-array.ts'

let pool: pg.Pool

beforeAll(async () => {
  pool = testPool((await testPostgres()).url)
})
afterAll(() => pool.end())

async function read(type: string, array: Buffer): Promise<unknown> {
  const { rows } = await pool.query(`select to_json($1::${type}[]) found, cardinality($1::${type}[]) n`, [
    array,
  ])
  const [{ found, n }] = rows
  expect(n).toBe(found.length)
  return found
}

it('holds whole numbers of either sign on both sides of what 32 bits hold, and null', async () => {
  const edges = [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]
  const all = [...edges, ...edges.slice(1).map((edge) => -edge), null]
  expect(await read('bigint', binaryArray.int8(all))).toEqual(all)
  const small = [0, -1, 2 ** 31 - 1, -(2 ** 31), null]
  expect(await read('integer', binaryArray.int4(small))).toEqual(small)
})

it('holds texts as they are', async () => {
  const texts = ['', 'NULL', null, '"\\{},', '😀'.repeat(8000), 'é\n\t', ' ']
  expect(await read('text', binaryArray.text(texts))).toEqual(texts)
})

it('holds ids and bytes', async () => {
  const ids = ['01890a5d-ac96-774b-bcce-b302099a8057', null, 'ffffffff-ffff-ffff-ffff-ffffffffffff']
  expect(await read('uuid', binaryArray.uuid(ids))).toEqual(ids)
  const bytes = [Buffer.alloc(0), null, Buffer.from([0, 255, 10])]
  expect(await read('bytea', binaryArray.bytea(bytes))).toEqual(['\\x', null, '\\x00ff0a'])
})

it('is an array without elements of none', async () => {
  expect(await read('bigint', binaryArray.int8([]))).toEqual([])
})

it('fails as the item at fault where a text has what PostgreSQL cannot store', async () => {
  await expect(read('text', binaryArray.text(['a', 'b\0c']))).rejects.toMatchObject({ code: '22021' })
})
