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
