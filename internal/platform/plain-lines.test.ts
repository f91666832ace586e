import { expect, it } from '@jest/globals'
import { createLogger } from './logger.ts'
import { plainLines } from './plain-lines.ts'

const TIME = /^\d\d:\d\d:\d\d /

function logged(act: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = ''
  const destination = plainLines((line) => {
    text += line
  })
  act(createLogger({ name: 'test', level: 'warn', destination }))
  expect(text).toMatch(TIME)
  return text.replace(TIME, '')
}

it('says a warning in one line, with its cause and without a stack', () => {
  const err = new Error('no route\nto host')
  expect(logged((logger) => logger.warn({ err }, 'presence'))).toBe('warning: presence: no route\n')
})

it('names the request and shows the stack of an error', () => {
  const text = logged((logger) =>
    logger.error({ err: new Error('broken'), requestId: 'r1' }, 'request refused'),
  )
  expect(text).toMatch(/^error: request refused \(request r1\): broken\nError: broken\n {4}at /)
})

it('bears fields of any kind, and keeps what the logger keeps back', () => {
  const text = logged((logger) => logger.warn({ pid: 7, password: 'x', list: [1] }, 'stopping'))
  expect(text).toBe('warning: stopping\n')
})
