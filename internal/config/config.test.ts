import { describe, expect, it } from '@jest/globals'
import { loadConfig } from './config.ts'

describe('CORS_ORIGINS', () => {
  const origins = (text: string) => loadConfig('standalone', { CORS_ORIGINS: text }).http.corsOrigins

  it('takes origins as browsers and native shells send them, and *', () => {
    expect(origins('')).toEqual([])
    expect(origins('*')).toEqual(['*'])
    const listed = [
      'https://app.example',
      'http://localhost:5173',
      'http://[::1]:80',
      'capacitor://localhost',
    ]
    expect(origins(listed.join(', '))).toEqual(listed)
  })

  it.each([
    'app.example',
    'https://app.example/',
    'https://app.example/x',
    'https://App.example',
    'https://',
  ])('refuses %s, which no browser sends', (text) => {
    expect(() => origins(`https://good.example,${text}`)).toThrow(
      `CORS_ORIGINS: must be like https://app.example.org, not "${text}"`,
    )
  })
})

describe('RETENTION_DIRECT_DAYS and RETENTION_GROUP_DAYS', () => {
  const days = (env: Record<string, string>) => loadConfig('standalone', env).retention

  it('keep messages for ever where they are not set', () => {
    expect(days({})).toEqual({ direct: null, group: null })
    expect(days({ RETENTION_GROUP_DAYS: '30' })).toEqual({ direct: null, group: 30 })
  })

  it.each(['0', '2', '-1', '1.5', 'month'])('refuse %s', (text) => {
    expect(() => days({ RETENTION_DIRECT_DAYS: text })).toThrow('RETENTION_DIRECT_DAYS: must be')
  })
})
