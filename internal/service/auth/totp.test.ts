import { describe, expect, it } from '@jest/globals'
import { base32, hotp, otpauthUrl, totpStep } from './totp.ts'

const SECRET = Buffer.from('12345678901234567890')

describe('TOTP', () => {
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ])('gives the codes of RFC 6238 appendix B at %d s', (seconds, code) => {
    expect(hotp(SECRET, Math.floor(seconds / 30))).toBe(code)
    expect(totpStep(SECRET, code, seconds * 1000)).toBe(Math.floor(seconds / 30))
  })

  it('takes a code of the step before and after, and no further', () => {
    const at = (step: number) => totpStep(SECRET, hotp(SECRET, 1000), step * 30_000)
    expect([998, 999, 1000, 1001, 1002].map(at)).toEqual([null, 1000, 1000, 1000, null])
  })

  it('refuses what is not six digits', () => {
    for (const code of ['', '12345', '1234567', '28708２', 'abcdef'])
      expect(totpStep(SECRET, code, 59_000)).toBeNull()
  })

  it('encodes as RFC 4648', () => {
    expect(base32(Buffer.from('foobar'))).toBe('MZXW6YTBOI')
    expect(base32(Buffer.from('f'))).toBe('MY')
    expect(otpauthUrl(SECRET, 'a b')).toBe(
      'otpauth://totp/RealChat:a%20b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=RealChat',
    )
  })
})
