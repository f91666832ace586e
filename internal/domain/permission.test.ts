import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Role } from './conversation.ts'
import { type Act, can, outranks, type Standing } from './permission.ts'

/** Whether somebody may: always, never, or when the policy named is `everyone`. */
type May = 'yes' | 'no' | 'postPolicy' | 'invitePolicy' | 'infoPolicy'

interface Row {
  owner: May
  admin: May
  moderator: May
  member: May
  /** Both sides of a direct conversation. */
  direct: May
  /** Done to a member: only to one of a lower role. */
  upon?: true
}

const TABLE: Record<Act, Row> = {
  read: { owner: 'yes', admin: 'yes', moderator: 'yes', member: 'yes', direct: 'yes' },
  send: { owner: 'yes', admin: 'yes', moderator: 'yes', member: 'postPolicy', direct: 'yes' },
  'message.change-own': { owner: 'yes', admin: 'yes', moderator: 'yes', member: 'yes', direct: 'yes' },
  'message.delete-others': {
    owner: 'yes',
    admin: 'yes',
    moderator: 'yes',
    member: 'no',
    direct: 'no',
    upon: true,
  },
  'message.pin': { owner: 'yes', admin: 'yes', moderator: 'yes', member: 'no', direct: 'yes' },
  'members.add': { owner: 'yes', admin: 'yes', moderator: 'yes', member: 'invitePolicy', direct: 'no' },
  'members.remove': { owner: 'yes', admin: 'yes', moderator: 'yes', member: 'no', direct: 'no', upon: true },
  'members.change-role': {
    owner: 'yes',
    admin: 'yes',
    moderator: 'no',
    member: 'no',
    direct: 'no',
    upon: true,
  },
  // Under `everyone` moderators may as well: they are not fewer than members.
  'info.edit': {
    owner: 'yes',
    admin: 'yes',
    moderator: 'infoPolicy',
    member: 'infoPolicy',
    direct: 'no',
  },
  'policies.edit': { owner: 'yes', admin: 'yes', moderator: 'no', member: 'no', direct: 'no' },
  'ttl.edit': { owner: 'yes', admin: 'yes', moderator: 'no', member: 'no', direct: 'yes' },
  'conversation.delete': { owner: 'yes', admin: 'no', moderator: 'no', member: 'no', direct: 'no' },
  'conversation.transfer': {
    owner: 'yes',
    admin: 'no',
    moderator: 'no',
    member: 'no',
    direct: 'no',
    upon: true,
  },
}

/** Whom each role may act upon. */
const BELOW: Record<Role, Role[]> = {
  owner: ['admin', 'moderator', 'member'],
  admin: ['moderator', 'member'],
  moderator: ['member'],
  member: [],
}

const ROLES: Role[] = ['owner', 'admin', 'moderator', 'member']
const ACTS = Object.keys(TABLE).filter((name): name is Act => name in TABLE)

function expected(standing: Standing, act: Act, target: Role | undefined): boolean {
  const row = TABLE[act]
  const may = standing.kind === 'direct' ? row.direct : row[standing.role]
  const allowed = may === 'yes' || (may !== 'no' && standing[may] === 'everyone')
  if (!allowed || standing.kind === 'direct') return allowed
  return target === undefined || BELOW[standing.role].includes(target)
}

const policy = fc.constantFrom('everyone' as const, 'admins' as const)
const role = fc.constantFrom(...ROLES)
const standings: fc.Arbitrary<Standing> = fc.record({
  role,
  kind: fc.constantFrom('group' as const, 'direct' as const),
  postPolicy: policy,
  invitePolicy: policy,
  infoPolicy: policy,
})

/** 4 roles, 2 kinds, 8 policies: few enough to go through all of them with every act and target. */
function everyStanding(): Standing[] {
  const policies = ['everyone', 'admins'] as const
  return ROLES.flatMap((one) =>
    (['group', 'direct'] as const).flatMap((kind) =>
      policies.flatMap((postPolicy) =>
        policies.flatMap((invitePolicy) =>
          policies.map((infoPolicy) => ({ role: one, kind, postPolicy, invitePolicy, infoPolicy })),
        ),
      ),
    ),
  )
}

describe('who may do what', () => {
  it.each(ACTS)('%s: every role, kind, policy and target as the table says', (act) => {
    const targets = TABLE[act].upon ? [undefined, ...ROLES] : [undefined]
    for (const standing of everyStanding()) {
      for (const target of targets) {
        expect({ standing, target, can: can(standing, act, target) }).toEqual({
          standing,
          target,
          can: expected(standing, act, target),
        })
      }
    }
  })

  it('never lets anybody in a group act upon someone of equal or higher role', () => {
    fc.assert(
      fc.property(standings, fc.constantFrom(...ACTS), role, (standing, act, target) => {
        const isBelow = BELOW[standing.role].includes(target)
        expect(outranks(standing.role, target)).toBe(isBelow)
        if (standing.kind === 'group' && !isBelow) expect(can(standing, act, target)).toBe(false)
      }),
    )
  })

  it('never gives a higher role less, nor a looser policy less', () => {
    fc.assert(
      fc.property(standings, fc.constantFrom(...ACTS), (standing, act) => {
        if (!can(standing, act)) return
        for (const above of ROLES.filter((one) => outranks(one, standing.role))) {
          expect(can({ ...standing, role: above }, act)).toBe(true)
        }
        const open = { postPolicy: 'everyone', invitePolicy: 'everyone', infoPolicy: 'everyone' } as const
        expect(can({ ...standing, ...open }, act)).toBe(true)
      }),
    )
  })

  it('is not swayed by role or policies in a direct conversation', () => {
    fc.assert(
      fc.property(standings, standings, fc.constantFrom(...ACTS), (one, other, act) => {
        expect(can({ ...one, kind: 'direct' }, act)).toBe(can({ ...other, kind: 'direct' }, act))
      }),
    )
  })
})
