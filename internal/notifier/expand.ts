import { type ChatEvent, eventActor, eventConversation } from '../domain/event.ts'
import { type Seq, seqOfMessageId, type UserId } from '../domain/ids.ts'
import type {
  Device,
  DeviceReader,
  FollowUp,
  NotifyTask,
  Recipient,
  RecipientQuery,
  RecipientReader,
} from './ports.ts'

/** Recipients that one task deals with; the rest follows as a task of its own. */
export const PAGE = 500
/** Conversations of up to so many members are loaded together, however many tasks there are. */
const SMALL = 20
/** Tasks of larger ones that are loaded together. */
export const LARGE_AT_ONCE = 16

export interface Expanded {
  task: NotifyTask
  recipients: Recipient[]
  /** The devices a retry is about; null when any of the recipients' will do. */
  devices: Device[] | null
}

export interface ExpandDeps {
  recipients: RecipientReader
  devices: DeviceReader
}

/**
 * Who each task concerns, of those that concern few; the others are to be expanded a few at a time, so that
 * hundreds of tasks of large groups do not fill the memory.
 */
export async function expandSmall(
  tasks: readonly NotifyTask[],
  deps: ExpandDeps,
): Promise<{ expanded: Expanded[]; large: readonly NotifyTask[] }> {
  if (tasks.length <= LARGE_AT_ONCE) return { expanded: [], large: tasks }
  const all = await pagesOf(tasks, deps, SMALL + 1)
  const large = all.filter(({ recipients }) => recipients.length > SMALL).map(({ task }) => task)
  return { expanded: all.filter(({ recipients }) => recipients.length <= SMALL), large }
}

/** Who each task concerns, and the tasks for what is beyond the first page. */
export async function expand(
  tasks: readonly NotifyTask[],
  deps: ExpandDeps,
): Promise<{ expanded: Expanded[]; rest: FollowUp[] }> {
  const rest: FollowUp[] = []
  const pages = await pagesOf(tasks, deps, PAGE + 1)
  const expanded = pages.map(({ task, recipients: page, devices }) => {
    const last = page[PAGE - 1]
    if (page.length > PAGE && last) rest.push(restOf(task, last.userId, page))
    return { task, recipients: page.slice(0, PAGE), devices }
  })
  return { expanded, rest }
}

async function pagesOf(
  tasks: readonly NotifyTask[],
  { recipients, devices }: ExpandDeps,
  limit: number,
): Promise<Expanded[]> {
  const deviceIds = tasks.flatMap(({ scope }) => (scope.kind === 'devices' ? scope.deviceIds : []))
  const known = new Map((await devices.byIds(deviceIds)).map((device) => [device.id, device]))
  const devicesOf = ({ scope }: NotifyTask) =>
    scope.kind === 'devices' ? scope.deviceIds.flatMap((id) => known.get(id) ?? []) : null
  const queries = tasks.map((task) => queryOf(task, devicesOf(task)))
  const pages = await recipients.recipients(queries, limit)
  return tasks.map((task, i) => ({ task, recipients: pages[i] ?? [], devices: devicesOf(task) }))
}

function queryOf({ event, scope }: NotifyTask, devices: readonly Device[] | null): RecipientQuery {
  const userIds = devices?.map(({ userId }) => userId) ?? (scope.kind === 'users' ? scope.userIds : null)
  return {
    conversationId: eventConversation(event),
    actorId: eventActor(event),
    rootSeq: threadRoot(event),
    scope: userIds
      ? { kind: 'users', userIds: [...new Set(userIds)] }
      : { kind: 'members', after: scope.kind === 'members' ? scope.after : null },
  }
}

/** The place of the root of the thread that a message belongs to; null for none. */
export function threadRoot(event: ChatEvent): Seq | null {
  if (event.kind !== 'message' || event.message.threadRootId === null) return null
  return seqOfMessageId(event.message.threadRootId)
}

function restOf(task: NotifyTask, after: UserId, page: readonly Recipient[]): FollowUp {
  const { scope } = task
  if (scope.kind === 'members') {
    return { kind: 'again', task: { ...task, scope: { kind: 'members', after } }, delayMs: 0 }
  }
  const done = new Set(page.slice(0, PAGE).map(({ userId }) => userId))
  if (scope.kind === 'users') {
    const userIds = scope.userIds.filter((userId) => !done.has(userId))
    return { kind: 'again', task: { ...task, scope: { kind: 'users', userIds } }, delayMs: 0 }
  }
  // Unreachable by what this process writes: retries name devices of one page.
  return { kind: 'dead', task, reason: 'more devices than a page holds' }
}
