import { DomainError } from '../../domain/errors.ts'
import type { Seq } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import type { SeqRange, Window } from './ports.ts'

export interface Reading {
  window: Window
  /** The window's range, ascending; without what the viewer hid and what has disappeared. */
  messages: Message[]
}

export interface PageQuery {
  before?: Seq | undefined
  after?: Seq | undefined
  around?: Seq | undefined
  limit: number
}

export interface MessagePage {
  items: Message[]
  hasBefore: boolean
  hasAfter: boolean
}

/** @throws DomainError validation_failed when more than one place is given. */
export function rangeOf({ before, after, around, limit }: PageQuery): SeqRange {
  const given = [before, after, around].filter((seq) => seq !== undefined)
  if (given.length > 1) {
    throw new DomainError('validation_failed', 'Give one of before, after and around.', {
      errors: [{ path: 'before', message: 'cannot be combined with after or around' }],
    })
  }
  if (after !== undefined) return { anchor: 'after', seq: after, limit }
  if (around !== undefined) return { anchor: 'around', seq: around, limit }
  return before === undefined ? newest(limit) : { anchor: 'before', seq: before, limit }
}

export function newest(limit: number): SeqRange & { anchor: 'before' } {
  return { anchor: 'before', seq: Number.MAX_SAFE_INTEGER, limit }
}

export function pageOf({ window, messages }: Reading): MessagePage {
  const { firstVisible, from, to, seq } = window
  return {
    items: messages,
    hasBefore: Math.min(from, seq + 1) > firstVisible,
    hasAfter: Math.max(to, firstVisible - 1) < seq,
  }
}
