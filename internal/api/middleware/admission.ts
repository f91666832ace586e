import type { RequestHandler } from 'express'
import { DomainError } from '../../domain/errors.ts'

/** Refuses with `overloaded`, before anything is read, while `refuses` answers milliseconds. */
export function admission(refuses: () => number | null): RequestHandler {
  return (_request, _response, next) => {
    const retryAfterMs = refuses()
    if (retryAfterMs === null) next()
    else
      next(
        new DomainError('overloaded', 'This node has more to do than it can; try again.', { retryAfterMs }),
      )
  }
}
