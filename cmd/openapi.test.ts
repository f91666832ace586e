import { openApiSuite } from '../internal/testkit/openapi-suite.ts'

openApiSuite({ maxExamples: 4, seed: 1, timeoutMs: 180_000 })
