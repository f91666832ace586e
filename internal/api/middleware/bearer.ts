import type { IncomingMessage } from 'node:http'
import { DomainError } from '../../domain/errors.ts'

const TOKEN_MAX = 4096
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i

/** @throws DomainError `unauthenticated` when the request carries no bearer token. */
export function bearerToken(request: IncomingMessage): string {
  const header = request.headers.authorization ?? ''
  const token = header.length <= TOKEN_MAX ? BEARER.exec(header)?.[1] : undefined
  if (token === undefined) throw new DomainError('unauthenticated', 'A bearer token is required.')
  return token
}
