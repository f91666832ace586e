import { fuzzSuite } from '../internal/testkit/fuzz-suite.ts'

fuzzSuite({ seconds: Number(process.env['FUZZ_SECONDS'] ?? 600) })
