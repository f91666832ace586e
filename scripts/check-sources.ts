/**
 * What the linter cannot measure: lines per file and per function (STYLE: 400 and 80), and `import('x')`
 * in type positions, which dependency-cruiser's parser does not see. Prints a line per fault.
 *
 * Usage: node scripts/check-sources.ts [folder ...]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from '@swc/core'

const MAX_FILE_LINES = 400
const MAX_FUNCTION_LINES = 80
const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'Constructor',
])

interface AstNode {
  type: string
  span?: { start: number; end: number }
}

function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** Calls `visit` for every node below `value`. */
function walk(value: unknown, visit: (node: AstNode) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (isNode(value)) visit(value)
  for (const child of Object.values(value)) walk(child, visit)
}

/** Faults of one file, each as `path:line: what`. A test file's describe() may be as long as the file. */
export function checkSource(path: string, source: string): string[] {
  const faults: string[] = []
  const bytes = Buffer.from(source)
  // swc's positions are bytes, counted from 1.
  const lineAt = (position: number) =>
    bytes
      .subarray(0, position - 1)
      .toString()
      .split('\n').length
  const lines = source.split('\n').length - 1
  if (lines > MAX_FILE_LINES) faults.push(`${path}:1: ${lines} lines, more than ${MAX_FILE_LINES}`)

  const program = parseSync(source, { syntax: 'typescript', target: 'es2024' })
  // A describe() may be as long as its file.
  const isTest = /\.(test|contract)\.ts$/.test(path)
  walk(program, (node) => {
    if (!node.span) return
    const line = lineAt(node.span.start)
    if (node.type === 'TsImportType') faults.push(`${path}:${line}: import() as a type; use import type`)
    if (!FUNCTIONS.has(node.type) || isTest) return
    const length = lineAt(node.span.end) - line + 1
    if (length > MAX_FUNCTION_LINES) {
      faults.push(`${path}:${line}: a function of ${length} lines, more than ${MAX_FUNCTION_LINES}`)
    }
  })
  return faults
}

function main(folders: readonly string[]): void {
  const files = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    )
  const faults = files.flatMap((file) => checkSource(file, readFileSync(file, 'utf8')))
  for (const fault of faults) console.error(fault)
  console.log(`${files.length} files measured, ${faults.length} faults`)
  if (faults.length > 0) process.exitCode = 1
}

if (import.meta.main) {
  const given = process.argv.slice(2)
  main(given.length > 0 ? given : ['cmd', 'internal', 'scripts', 'bench', 'examples'])
}
