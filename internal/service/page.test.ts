import { describe, expect, it } from '@jest/globals'
import { cutPage } from './page.ts'

const cut = (found: number[]) => cutPage(found, 3, String)

describe('cutPage', () => {
  it('goes on from the last item shown when there is one more', () => {
    expect(cut([1, 2, 3, 4])).toEqual({ items: [1, 2, 3], nextCursor: '3' })
  })

  it('ends with the last item, a full page as well', () => {
    expect(cut([1, 2, 3])).toEqual({ items: [1, 2, 3], nextCursor: null })
    expect(cut([])).toEqual({ items: [], nextCursor: null })
  })
})
