import { z } from 'zod'
import { codePoints, TEXT_MAX_CODE_POINTS, textFault } from '../../domain/text.ts'

// Lengths are counted in code points, as JSON Schema does it; zod's own max counts UTF-16 units. Patterns are
// for the document: they say there what is checked here.
const NO_CONTROLS = '[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]'
const ONE_LINE = '[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]'
const ONE_LINE_ONLY = new RegExp(`^${ONE_LINE}*$`, 'u')
const NO_CONTROLS_ONLY = new RegExp(`^${NO_CONTROLS}*$`, 'u')

/** A name or title: one line of 1 to `max` code points that are more than white space; trimmed. */
export function titleField(max: number) {
  return z
    .string()
    .trim()
    .refine((text) => text !== '', 'must contain more than white space')
    .refine((text) => codePoints(text) <= max, `is longer than ${max} characters`)
    .refine((text) => ONE_LINE_ONLY.test(text), 'contains a control character')
    .meta({ minLength: 1, maxLength: max, pattern: `^${ONE_LINE}*[^\\s\\u0000-\\u001f]${ONE_LINE}*$` })
}

/** Text of at most `max` code points, without control characters other than tab, LF and CR; may be empty. */
export function textField(max: number) {
  return z
    .string()
    .refine((text) => codePoints(text) <= max, `is longer than ${max} characters`)
    .refine((text) => NO_CONTROLS_ONLY.test(text), 'contains a control character')
    .meta({ maxLength: max, pattern: `^${NO_CONTROLS}*$` })
}

/** What a text message says: as `textFault` has it, and never changed. */
export const contentField = z
  .string()
  .superRefine((text, context) => {
    const fault = textFault(text)
    if (fault) context.addIssue({ code: 'custom', message: fault })
  })
  .meta({
    minLength: 1,
    maxLength: TEXT_MAX_CODE_POINTS,
    pattern: `^${NO_CONTROLS}*[^\\s\\u0000-\\u001f\\u007f-\\u009f\\ufeff]${NO_CONTROLS}*$`,
  })
