import { describe, expect, it } from '@jest/globals'
import { type ConversationId, type UserId, uuidv7 } from '../../domain/ids.ts'
import type { Message } from '../../domain/message.ts'
import { TopicHub } from '../../realtime/hub.ts'
import { Live } from './live.ts'
import { chatTopic } from './topic-names.ts'

const id = uuidv7<ConversationId>()

function messageAt(seq: number): Message {
  return { conversationId: id, seq, senderId: uuidv7<UserId>(), content: `number ${seq}` } as Message
}

/** A socket on the conversation's topic and the seqs that were broadcast to it. */
function member(hub: TopicHub, connectionId: string): number[] {
  const heard: number[] = []
  hub.add({
    topic: chatTopic(id),
    isJoined: true,
    needsResync: false,
    connection: {
      id: connectionId,
      actor: null,
      version: 2,
      isOpen: true,
      hasJoined: () => true,
      resyncMark: () => null,
      transmit: () => {},
      close: () => {},
      deliver: (frame) => {
        heard.push(Number(/"seq":(\d+)/.exec(frame.toString())?.[1]))
        return true
      },
    },
  })
  return heard
}

/** A node on which live delivery is at `head`; entries are handed to it as the bus would. */
function node(head: number) {
  const hub = new TopicHub()
  const history = { following: async () => [] }
  const live = new Live({ hub, history, relay: { wake: () => {} }, onError: () => {} })
  live.connect((shard, entry) => live.onEntry(shard, entry))
  const first = live.beginJoin(id)
  live.opened(id, head)
  live.joined(id, first, head, 'first')
  return { hub, live }
}

describe('a join on a node whose live delivery is behind the log', () => {
  it('is not told again what its reply had, and hears everything above', () => {
    const { hub, live } = node(1)
    const first = member(hub, 'first')
    const buffer = live.beginJoin(id)
    live.opened(id, 3)
    const late = member(hub, 'late')
    expect(live.joined(id, buffer, 3, 'late')).toEqual([])
    for (const seq of [2, 3, 4]) live.messageCreated(messageAt(seq), 1, null)
    expect(first).toEqual([2, 3, 4])
    expect(late).toEqual([4])
    live.stop()
  })

  it('gets what came above its reply while that was being made, once', () => {
    const { hub, live } = node(1)
    const buffer = live.beginJoin(id)
    for (const seq of [2, 3, 4]) live.messageCreated(messageAt(seq), 1, null)
    live.opened(id, 3)
    const late = member(hub, 'late')
    expect(live.joined(id, buffer, 3, 'late').map((entry) => entry.seq)).toEqual([4])
    live.messageCreated(messageAt(5), 1, null)
    expect(late).toEqual([5])
    expect(buffer.entries).toEqual([])
    live.stop()
  })
})
