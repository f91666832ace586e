import { type Budget, type Row, rounded } from './scenario.ts'

/** Each figure also as a multiple of the raw `ws` ceiling's and of socket.io's, in the same run. */
export function withRatios(rows: readonly Row[], figure: string): Row[] {
  const of = (peer: string) => Number(rowOf(rows, { peer })?.[figure] ?? 0)
  return rows.map((row) => ({
    ...row,
    toWs: rounded(Number(row[figure]) / of('ws')),
    toSocketIo: rounded(Number(row[figure]) / of('socket.io')),
  }))
}

/** The budgets beside what was measured. */
export function judged(rows: readonly Row[], budgets: readonly Budget[]): Row[] {
  return budgets.map(({ where, figure, atLeast, atMost }) => {
    const measured = Number(rowOf(rows, where)?.[figure] ?? Number.NaN)
    const isMet = measured >= (atLeast ?? -Infinity) && measured <= (atMost ?? Infinity)
    return {
      row: Object.values(where).join(', '),
      figure,
      budget: atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`,
      measured,
      met: isMet ? 'yes' : 'NO',
    }
  })
}

function rowOf(rows: readonly Row[], where: Row): Row | undefined {
  return rows.find((row) => Object.entries(where).every(([name, value]) => row[name] === value))
}
