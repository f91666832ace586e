import type { z } from 'zod'
import type { FieldError } from '../domain/errors.ts'

const FAULTS_MAX = 20

/** What a schema found wrong, for clients: of a union, the faults of the shape that came nearest. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues
    .flatMap(plainIssues)
    .slice(0, FAULTS_MAX)
    .map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
}

function plainIssues(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string }[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const nearest = issue.errors.reduce((best, errors) => (errors.length < best.length ? errors : best))
  return nearest
    .flatMap(plainIssues)
    .map(({ path, message }) => ({ path: [...issue.path, ...path], message }))
}
