import { describe } from '@jest/globals'
import { sessionCacheContract } from '../contract/session-cache.contract.ts'
import { MemorySessionCache } from './session.ts'

describe('MemorySessionCache', () => {
  let now = 0
  sessionCacheContract(
    () => new MemorySessionCache({ now: () => now }),
    async (ms) => {
      now += ms
    },
  )
})
