import { expect, it } from '@jest/globals'
import { conversationOf } from './topic-names.ts'

const ID = '01a1fbec-08db-76d7-b603-3be73d937023'

it('takes a topic by the one name that broadcasts go to', () => {
  expect(conversationOf(`chat:${ID}`)).toBe(ID)
  const others = [`chat:${ID.toUpperCase()}`, `Chat:${ID}`, `chat:${ID} `, `chat:${ID}0`, 'chat:', ID]
  expect(others.map(conversationOf)).toEqual(others.map(() => null))
})
