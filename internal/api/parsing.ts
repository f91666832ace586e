import type { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { Schema } from '../realtime/topic.ts'
import { fieldErrors } from './field-errors.ts'

/** A zod schema for the socket, whose failures are `validation_failed` as those of REST. */
export function parsing<S extends z.ZodType>(schema: S): Schema<z.output<S>> {
  return {
    parse(payload) {
      const result = schema.safeParse(payload)
      if (result.success) return result.data
      throw new DomainError('validation_failed', 'The payload is not valid.', {
        errors: fieldErrors(result.error),
      })
    },
  }
}
