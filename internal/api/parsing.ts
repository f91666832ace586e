import type { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { Schema } from '../realtime/index.ts'
import { fieldErrors } from './field-errors.ts'

/** A zod schema for the socket, whose failures are `validation_failed` as those of REST. */
export class Parsing<S extends z.ZodType> implements Schema<z.output<S>> {
  /** For documents. */
  readonly shape: S

  constructor(shape: S) {
    this.shape = shape
  }

  parse(payload: unknown): z.output<S> {
    const result = this.shape.safeParse(payload)
    if (result.success) return result.data
    throw new DomainError('validation_failed', 'The payload is not valid.', {
      errors: fieldErrors(result.error),
    })
  }
}

export function parsing<S extends z.ZodType>(shape: S): Parsing<S> {
  return new Parsing(shape)
}
