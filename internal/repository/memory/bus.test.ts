import { describe } from '@jest/globals'
import { busContract } from '../contract/bus.contract.ts'
import { MemoryBus, MemoryExchange } from './bus.ts'

describe('MemoryBus', () => {
  const exchange = new MemoryExchange()
  busContract(() => new MemoryBus(exchange))
})
