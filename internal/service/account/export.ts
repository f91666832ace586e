import type { UserId } from '../../domain/ids.ts'
import type { Actor } from '../../domain/user.ts'
import type { AuditTrail } from '../audit/ports.ts'

/** A file of an export; its text comes in pieces, as they are read. */
export interface ExportFile {
  /** With folders, `/` between them. */
  name: string
  text: AsyncIterable<string>
}

/** One feature's part: a document, or a list that is read as it is written. */
export interface ExportSection {
  files(actor: Actor): AsyncIterable<ExportFile>
}

export interface ExportDeps {
  sections: readonly ExportSection[]
  audit: AuditTrail
}

/** All that the service holds of somebody, for them to take along. */
export class AccountExport {
  readonly #deps: ExportDeps

  constructor(deps: ExportDeps) {
    this.#deps = deps
  }

  /** Reads as the files are consumed, never more than a page ahead. */
  async files(actor: Actor, address: string): Promise<ExportFile[]> {
    const files: ExportFile[] = []
    for (const section of this.#deps.sections) {
      for await (const file of section.files(actor)) files.push(file)
    }
    await this.#deps.audit.record({
      action: 'user.export',
      outcome: 'success',
      actorId: actor.userId,
      sessionId: actor.sessionId,
      target: actor.userId,
      address,
    })
    return files
  }
}

export function documentSection(name: string, read: (actor: Actor) => Promise<unknown>): ExportSection {
  return {
    async *files(actor) {
      yield { name: `${name}.json`, text: once(() => read(actor)) }
    },
  }
}

export function listSection(name: string, read: (actor: Actor) => AsyncIterable<unknown>): ExportSection {
  return {
    async *files(actor) {
      yield { name: `${name}.json`, text: listText(() => read(actor)) }
    },
  }
}

/** Every item of a list that is read page by page. */
export async function* pages<Item>(
  read: (cursor: string | null) => Promise<{ items: readonly Item[]; nextCursor: string | null }>,
): AsyncIterable<Item> {
  let cursor: string | null = null
  do {
    const page: { items: readonly Item[]; nextCursor: string | null } = await read(cursor)
    yield* page.items
    cursor = page.nextCursor
  } while (cursor !== null)
}

async function* once(read: () => Promise<unknown>): AsyncIterable<string> {
  yield `${JSON.stringify(await read(), null, 2)}\n`
}

/** A JSON array, an item a line. */
export async function* listText(read: () => AsyncIterable<unknown>): AsyncIterable<string> {
  let separator = '[\n'
  for await (const item of read()) {
    yield separator + JSON.stringify(item)
    separator = ',\n'
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n'
}

/** An entry of the audit log for whom it is about: who else had a hand in it is not theirs to know. */
export function withoutOthers<Entry extends { actorId: UserId | null }>(entry: Entry, ownId: UserId) {
  if (entry.actorId === ownId || entry.actorId === null) return entry
  return { ...entry, actorId: null, sessionId: null, address: null }
}
