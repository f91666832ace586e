import type { Scenario } from '../scenario.ts'
export const serviceScenarios: readonly Scenario[] = []
