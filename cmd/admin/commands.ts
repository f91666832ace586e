import { DomainError } from '../../internal/domain/errors.ts'
import type { Identity } from '../compose/identity.ts'

export interface Outcome {
  ok: boolean
  /** The command was not understood. */
  usage?: boolean
  lines: string[]
}

const USAGE: Outcome = {
  ok: false,
  usage: true,
  lines: [
    'usage: admin grant USERNAME | revoke USERNAME | keys rotate | audit verify [ID:HASH] | unread verify [MEMBERSHIPS]',
  ],
}

/** One command of the operator. */
export async function runCommand(identity: Identity, args: readonly string[]): Promise<Outcome> {
  const [command, argument, note, ...rest] = args
  if (argument === undefined || rest.length > 0) return USAGE
  if (command === 'audit' && argument === 'verify') return verifyAudit(identity, note)
  if (note !== undefined) return USAGE
  if (command === 'grant') return setRole(identity, argument, 'admin')
  if (command === 'revoke') return setRole(identity, argument, 'user')
  if (command === 'keys' && argument === 'rotate') {
    return { ok: true, lines: [`Access tokens are signed with ${await identity.keys.rotate()} from now on.`] }
  }
  return USAGE
}

async function setRole({ admin }: Identity, username: string, role: 'user' | 'admin'): Promise<Outcome> {
  try {
    const user = await admin.setRole(username, role)
    return {
      ok: true,
      lines: [`${user.username} (${user.id}) is ${role === 'admin' ? 'an' : 'a'} ${role} now.`],
    }
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'not_found') throw error
    return { ok: false, lines: [`There is no user ${username}.`] }
  }
}

/** @param note `ID:HASH` of a head noted before: it shows when the end of the trail was cut off. */
async function verifyAudit(identity: Identity, note: string | undefined): Promise<Outcome> {
  const [notedId, notedHash] = (note ?? '').split(':')
  if (note !== undefined && (!/^\d{1,15}$/.test(notedId ?? '') || !/^[0-9a-f]{64}$/.test(notedHash ?? ''))) {
    return USAGE
  }
  const { entries, head, fault } = await identity.verifyAudit()
  if (fault) return { ok: false, lines: [`Entry ${fault.id} of the audit log: ${fault.why}.`] }
  if (note !== undefined && (await identity.auditHashAt(Number(notedId))) !== notedHash) {
    return { ok: false, lines: [`Entry ${notedId} of the audit log is not the one that was noted.`] }
  }
  return {
    ok: true,
    lines: [
      `${entries} entries, each following from the one before.`,
      ...(head
        ? [`Note this elsewhere, to show later that nothing was cut off: ${head.id}:${head.hash}`]
        : []),
    ],
  }
}
