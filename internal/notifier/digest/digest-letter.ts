import type { NotificationSettings } from '../../domain/notification.ts'
import { type Block, frame } from '../courier/frame.ts'
import { lineOf } from '../courier/line.ts'
import type { Letter } from '../courier/ports.ts'
import type { Told } from './select.ts'

const CONVERSATIONS_MAX = 10
const MESSAGES_MAX = 5
const NAME_MAX = 64
const EXCERPT_MAX = 200

export interface DigestLetterOptions {
  id: string
  /** Where the web client is, without a trailing slash. */
  publicUrl: string
  unsubscribeUrl: string
}

/** Items of one conversation that are still to be told, in its order. */
interface Group {
  name: string
  kind: 'direct' | 'group'
  url: string
  told: Told[]
}

/** @param told what is unread, at least one, in order of conversation and seq. */
export function digestLetter(
  told: readonly Told[],
  settings: NotificationSettings,
  { id, publicUrl, unsubscribeUrl }: DigestLetterOptions,
): Letter {
  const groups = groupsOf(told, publicUrl)
  const headline = headlineOf(groups, told.length)
  const shown = groups.slice(0, CONVERSATIONS_MAX)
  const further = groups.length - shown.length
  const blocks: Block[] = [
    { kind: 'title', text: headline },
    ...shown.flatMap((group) => conversation(group, settings)),
    ...(further > 0 ? [muted(`And ${count(further, 'more conversation')}.`)] : []),
    {
      kind: 'button',
      text: 'Open RealChat',
      url: groups.length === 1 ? (shown[0]?.url ?? publicUrl) : publicUrl,
    },
    { kind: 'rule' },
    muted(
      'You get this mail because you had not read these messages for a while. What is read before is not mailed.',
    ),
    { kind: 'footer', text: 'No more mails about messages', url: unsubscribeUrl },
  ]
  return frame({ id, subject: headline, blocks, unsubscribeUrl })
}

/** Those with the newest messages first. */
function groupsOf(told: readonly Told[], publicUrl: string): Group[] {
  const byConversation = Map.groupBy(told, ({ item }) => item.conversationId)
  const groups = [...byConversation].flatMap(([conversationId, own]): Group[] => {
    const [first] = own
    if (!first) return []
    const { names, item } = first
    const name = names.kind === 'direct' ? names.sender : (names.conversation ?? 'A group')
    const url = `${publicUrl}/conversations/${conversationId}?seq=${item.seq}`
    return [{ name: lineOf(name, NAME_MAX), kind: names.kind, url, told: own }]
  })
  return groups.toSorted((a, b) => (newest(a) < newest(b) ? 1 : -1))
}

function newest({ told }: Group): string {
  return told.at(-1)?.message.createdAt ?? ''
}

function headlineOf(groups: readonly Group[], total: number): string {
  const [group] = groups
  if (!group || groups.length > 1)
    return `${count(total, 'unread message')} in ${groups.length} conversations`
  const [first] = group.told
  if (group.kind === 'direct') {
    return total === 1 ? `New message from ${group.name}` : `${total} unread messages from ${group.name}`
  }
  if (total > 1 || !first) return `${total} mentions of you in ${group.name}`
  return `${lineOf(first.names.sender, NAME_MAX)} mentioned you in ${group.name}`
}

/** The last few messages of it, without what they say when previews are off. */
function conversation({ name, kind, url, told }: Group, settings: NotificationSettings): Block[] {
  const what = kind === 'direct' ? 'unread message' : 'mention'
  const heading = told.length === 1 ? name : `${name} (${count(told.length, what)})`
  const last = told.slice(-MESSAGES_MAX)
  const earlier = told.length - last.length
  return [
    { kind: 'heading', text: heading, url },
    ...(earlier > 0 ? [muted(`${count(earlier, 'earlier one')}, and then:`)] : []),
    ...last.map(({ message, names, reason }): Block => {
      const by = lineOf(names.sender, NAME_MAX)
      const note = `${timeOf(message.createdAt, settings)}${reason === 'mentioned' ? ', mentions you' : ''}`
      return { kind: 'quote', by, note, text: settings.previews ? wordsOf(message) : '' }
    }),
  ]
}

/** What is not text to the server is never shown. */
function wordsOf({ type, content }: Told['message']): string {
  if (type !== 'text' && type !== 'media') return ''
  const words = lineOf(content, EXCERPT_MAX)
  return words === '' ? 'Sent an attachment' : words
}

/** By the clock of the quiet hours, the only one that users tell of. */
function timeOf(createdAt: string, { quietHours }: NotificationSettings): string {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: quietHours?.timeZone ?? 'UTC',
    ...(!quietHours && { timeZoneName: 'short' }),
  }).format(new Date(createdAt))
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

function muted(text: string): Block {
  return { kind: 'muted', text }
}
