import { z } from 'zod'

export type Json = { [key: string]: unknown }

/** OpenAPI 3.1 speaks the one, AsyncAPI 3.0 the other. */
type Draft = 'draft-2020-12' | 'draft-7'

/** JSON Schema of what goes over the wire, for documents; schemas with an id become components, once each. */
export class JsonSchemas {
  /** Whatever had an id in the schemas asked for so far; `#/components/schemas/<id>` leads to it. */
  readonly components: Json = {}
  readonly #target: Draft

  constructor(target: Draft) {
    this.#target = target
  }

  of(schema: z.ZodType): Json {
    const converted = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: this.#target })
    const { $defs, definitions, $schema: _, ...json } = converted
    for (const [name, definition] of Object.entries($defs ?? definitions ?? {})) {
      if (typeof definition === 'object') this.components[name] = relocate(definition)
    }
    return relocate(json)
  }
}

/** What was declared as something with a `parse`, as the zod schema that it is. */
export function zodOf(schema: unknown): z.ZodType {
  if (schema instanceof z.ZodType) return schema
  throw new Error('not a schema that a document can be made of')
}

function relocate(json: object): Json {
  return JSON.parse(
    JSON.stringify(json).replaceAll(/"#\/(?:\$defs|definitions)\//g, '"#/components/schemas/'),
  )
}
