import { describe, expect, it } from '@jest/globals'
import { cqlStatements, refuseUnrepeatable } from './cql.ts'

describe('cqlStatements', () => {
  it('splits at semicolons outside comments and quotes', () => {
    const cql = `-- one; comment
create table if not exists a (k text primary key) with comment = 'it''s; here'; // two; more
/* three;
*/ drop table if exists "odd;name"; ; select 1 - 2 / 3`
    expect(cqlStatements(cql)).toEqual([
      "create table if not exists a (k text primary key) with comment = 'it''s; here'",
      'drop table if exists "odd;name"',
      'select 1 - 2 / 3',
    ])
  })
})

describe('refuseUnrepeatable', () => {
  it.each([
    'create table a (k int primary key)',
    'CREATE\n  TYPE t (a int)',
    'drop table a',
    'alter table a add b int',
    'alter table a drop b',
  ])('refuses %j', (statement) => {
    expect(() => refuseUnrepeatable('0001_a', statement)).toThrow('0001_a: write "if not exists"')
  })

  it.each([
    'create table if not exists a (k int primary key)',
    'create or replace function f ()',
    'drop index if exists a',
    'alter table a add if not exists b int',
    'alter table a with gc_grace_seconds = 0',
    "insert into a (k) values ('create table')",
  ])('lets %j pass', (statement) => {
    expect(() => refuseUnrepeatable('0001_a', statement)).not.toThrow()
  })
})
