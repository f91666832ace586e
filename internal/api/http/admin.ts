import { z } from 'zod'
import type { AdminService } from '../../service/admin/admin.ts'
import type { AuditEntry } from '../../service/audit/ports.ts'
import { integerParam, limitParam, pageOf, time, userId, uuid } from './fields.ts'
import { answer, type Route, route } from './route.ts'
import { ownUserSchema } from './user-schema.ts'

const adminUserSchema = ownUserSchema
  .extend({ status: z.enum(['active', 'suspended', 'deleted']) })
  .meta({ id: 'AdminUser' })

const auditSchema = z
  .object({
    id: z.int(),
    at: time,
    action: z.string(),
    outcome: z.enum(['success', 'refused']),
    actorId: uuid.nullable(),
    sessionId: uuid.nullable(),
    target: z.string().nullable(),
    address: z.string().nullable(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEntry' })

type Status = 'active' | 'suspended'

const instant = z.iso.datetime({ offset: true })

/** For administrators. */
export function adminRoutes(admin: AdminService): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/users',
      summary: 'All users, the newest first',
      tag: 'admin',
      scope: 'admin',
      query: z.strictObject({
        query: z
          .string()
          .regex(/^[A-Za-z0-9._-]{1,32}$/)
          .optional(),
        status: z.enum(['active', 'suspended', 'deleted']).optional(),
        role: z.enum(['user', 'admin']).optional(),
        limit: limitParam(50, 100),
        cursor: userId.optional(),
      }),
      responses: { 200: pageOf(adminUserSchema) },
      handle: async ({ query }) => {
        const page = await admin.users({
          usernamePrefix: query.query?.toLowerCase() ?? null,
          status: query.status ?? null,
          role: query.role ?? null,
          before: query.cursor ?? null,
          limit: query.limit,
        })
        return answer(200, page)
      },
    }),
    route({
      method: 'patch',
      path: '/admin/users/:id',
      summary: 'Suspend or reinstate a user, or change their role',
      tag: 'admin',
      scope: 'admin',
      params: z.strictObject({ id: userId }),
      body: z
        .strictObject({
          status: z.enum(['active', 'suspended']).optional(),
          suspended: z.boolean().optional().meta({ description: 'the same as a status' }),
          role: z.enum(['user', 'admin']).optional(),
        })
        .refine(({ status, suspended }) => status === undefined || suspended === undefined, {
          path: ['suspended'],
          message: 'give either status or suspended',
        }),
      responses: { 200: adminUserSchema },
      errors: ['not_found', 'conflict'],
      handle: async ({ actor, params, body, request }) => {
        const { role } = body
        const status = statusOf(body)
        const change = { ...(status && { status }), ...(role && { role }) }
        return answer(200, await admin.change(actor, params.id, change, request.address))
      },
    }),
    auditRoute(admin),
  ]
}

function statusOf({ status, suspended }: { status?: Status | undefined; suspended?: boolean | undefined }) {
  if (suspended === undefined) return status
  return suspended ? 'suspended' : 'active'
}

function auditRoute(admin: AdminService): Route {
  return route({
    method: 'get',
    path: '/admin/audit',
    summary: 'Security-relevant acts, the newest first',
    tag: 'admin',
    scope: 'admin',
    query: z.strictObject({
      actorId: userId.optional(),
      action: z.string().min(1).max(100).optional(),
      target: z.string().min(1).max(200).optional(),
      outcome: z.enum(['success', 'refused']).optional(),
      from: instant.optional(),
      to: instant.optional(),
      limit: limitParam(50, 100),
      cursor: integerParam(1).optional(),
    }),
    responses: { 200: pageOf(auditSchema) },
    handle: async ({ query }) => {
      const { items, nextCursor } = await admin.audit({
        actorId: query.actorId ?? null,
        action: query.action ?? null,
        target: query.target ?? null,
        outcome: query.outcome ?? null,
        from: query.from === undefined ? null : new Date(query.from),
        to: query.to === undefined ? null : new Date(query.to),
        before: query.cursor ?? null,
        limit: query.limit,
      })
      return answer(200, { items: items.map(present), nextCursor })
    },
  })
}

function present(entry: AuditEntry) {
  return { ...entry, at: entry.at.toISOString() }
}
