import { describe } from '@jest/globals'
import { systemClock } from '../../platform/clock.ts'
import { presenceStoreContract } from '../contract/presence.contract.ts'
import { MemoryPresenceStore } from './presence.ts'

describe('MemoryPresenceStore', () => {
  presenceStoreContract((leaseMs) => new MemoryPresenceStore(systemClock, leaseMs))
})
