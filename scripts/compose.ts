import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const ROOT = resolve(import.meta.dirname, '..')

/** The text of a file of the project. */
export function readProject(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const serviceSchema = z.looseObject({
  image: z.string(),
  build: z.unknown().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ disable: z.boolean().optional(), test: z.array(z.string()).optional() }).optional(),
  deploy: z.object({ resources: z.object({ limits: z.object({ memory: z.string() }) }) }).optional(),
  volumes: z.array(z.string()).default([]),
  networks: z.array(z.string()).optional(),
  /** A fixed name would forbid --scale. */
  container_name: z.undefined().optional(),
})
const composeSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.unknown()),
  networks: z.record(z.string(), z.looseObject({ internal: z.boolean().optional() })).default({}),
})
export type Compose = z.infer<typeof composeSchema>

/** A compose file with its merge keys resolved; variables stay as they are written. */
export function readCompose(path: string): Compose {
  return composeSchema.parse(parse(readProject(path), { merge: true }))
}

/** The services built from this project, by name. */
export function ours({ services }: Compose): [string, Compose['services'][string]][] {
  return Object.entries(services).filter(([, { build }]) => build !== undefined)
}
