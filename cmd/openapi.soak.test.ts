import { openApiSuite } from '../internal/testkit/openapi-suite.ts'

openApiSuite({ maxExamples: 1000, seed: Date.now() % 2 ** 31, timeoutMs: 1_800_000 })
