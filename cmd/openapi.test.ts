import { openApiSuite } from '../internal/testkit/openapi-suite.ts'

openApiSuite({ maxExamples: 4, seed: 1, timeoutMs: 90_000 })
