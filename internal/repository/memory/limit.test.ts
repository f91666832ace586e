import { describe } from '@jest/globals'
import { rateLimiterContract } from '../contract/limit.contract.ts'
import { MemoryRateLimiter } from './limit.ts'

describe('MemoryRateLimiter', () => {
  rateLimiterContract((scale) => new MemoryRateLimiter(scale))
})
