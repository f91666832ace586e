import { MigrationError } from '../migration/plan.ts'

// Comments, quoted text, quoted names, `$$` bodies, the separator; anything else is part of a statement.
const TOKEN =
  /--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$|;|[^-/'"$;]+|./g
const COMMENT = /^(?:--|\/\/|\/\*)/

/** Splits a CQL file at its semicolons, without comments and empty statements. */
export function cqlStatements(cql: string): string[] {
  const statements = ['']
  for (const [token] of cql.matchAll(TOKEN)) {
    if (COMMENT.test(token)) continue
    if (token === ';') statements.push('')
    else statements.push(`${statements.pop() ?? ''}${token}`)
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== '')
}

/**
 * A Cassandra migration that a crash has cut short is run again from its start, so each of its statements
 * must bear repeating.
 * @throws MigrationError naming the migration.
 */
export function refuseUnrepeatable(name: string, statement: string): void {
  const head = statement.replace(/\s+/g, ' ').toLowerCase()
  const creates = /^create (?!or replace)/.test(head) && !head.includes(' if not exists ')
  const drops = /^drop /.test(head) && !head.includes(' if exists ')
  const adds = /^alter table .* add /.test(head) && !head.includes(' add if not exists ')
  const loses = /^alter table .* drop /.test(head) && !head.includes(' drop if exists ')
  if (creates || drops || adds || loses)
    throw new MigrationError(`${name}: write "if not exists" or "if exists" in: ${head.slice(0, 80)}`)
}
