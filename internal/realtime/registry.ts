import type { TopicDefinition } from './topic.ts'

/** The topics a server speaks. The first definition that matches a topic serves it. */
export class TopicRegistry<Actor> {
  readonly #definitions: TopicDefinition<Actor, unknown, unknown>[] = []

  /** @throws Error when the name is taken. */
  add<Params, State>(definition: TopicDefinition<Actor, Params, State>): this {
    if (this.#definitions.some(({ name }) => name === definition.name)) {
      throw new Error(`A topic named ${definition.name} is registered already.`)
    }
    this.#definitions.push(definition)
    return this
  }

  /** Every definition, for documents made from them. */
  all(): readonly TopicDefinition<Actor, unknown, unknown>[] {
    return this.#definitions
  }

  match(topic: string): { definition: TopicDefinition<Actor, unknown, unknown>; params: unknown } | null {
    for (const definition of this.#definitions) {
      const params = definition.match(topic)
      if (params !== null) return { definition, params }
    }
    return null
  }
}
