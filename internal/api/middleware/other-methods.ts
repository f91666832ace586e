import type { RequestHandler } from 'express'
import { DomainError } from '../../domain/errors.ts'

/** For the methods that a path does not have: 405 with `Allow`. Mount it with `all`, after those it has. */
export function otherMethods(methods: readonly string[]): RequestHandler {
  const names = methods.map((method) => method.toUpperCase())
  if (names.includes('GET')) names.push('HEAD')
  const allow = [...names, 'OPTIONS'].join(', ')
  return (request, response) => {
    response.set('Allow', allow)
    if (request.method === 'OPTIONS') return void response.status(204).end()
    throw new DomainError('method_not_allowed', `${request.method} is not offered here; ${allow} are.`)
  }
}
