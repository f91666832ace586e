import { z } from 'zod'

const operation = z.object({
  requestBody: z
    .object({ content: z.object({ 'application/json': z.object({ schema: z.unknown() }) }) })
    .optional(),
})
const document = z.object({ paths: z.record(z.string(), z.record(z.string(), operation)) })
const shape = z.object({
  type: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).default({}),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).default([]),
})

/** A string that a route takes in its body. */
export interface StringField {
  method: string
  /** With ids that nothing has. */
  path: string
  /** Dotted. */
  field: string
  /** A body that has only this field, with the text given as it is to stand between the quotes. */
  bodyWith(text: string): string
}

/** Every string field of every body that an OpenAPI document describes. */
export function stringFields(openapi: unknown): StringField[] {
  return Object.entries(document.parse(openapi).paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { requestBody }]) => {
      const fields = stringsOf(requestBody?.content['application/json'].schema, [])
      const known = new Map(fields.map((place) => [place.join('.'), place]))
      return [...known].map(([field, place]) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{[^}]+\}/g, '00000000-0000-7000-8000-000000000000'),
        field,
        bodyWith: (text: string) => bodyOf(place, text),
      }))
    }),
  )
}

function stringsOf(schema: unknown, place: string[]): string[][] {
  if (schema === undefined) return []
  const { type, properties, items, anyOf } = shape.parse(schema)
  return [
    ...(type === 'string' ? [place] : []),
    ...anyOf.flatMap((one) => stringsOf(one, place)),
    ...Object.entries(properties).flatMap(([name, one]) => stringsOf(one, [...place, name])),
    ...(type === 'array' ? stringsOf(items, [...place, '0']) : []),
  ]
}

function bodyOf(place: string[], text: string): string {
  return place.reduceRight(
    (inner, name) => (name === '0' ? `[${inner}]` : `{${JSON.stringify(name)}:${inner}}`),
    `"${text}"`,
  )
}
