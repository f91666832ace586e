import { z } from 'zod'
import type { Preferences } from '../../domain/conversation.ts'
import { TEXT_MAX_CODE_POINTS } from '../../domain/text.ts'
import type { ConversationPreferences } from '../../service/conversation/preferences.ts'
import { preferencesSchema } from './conversation-schema.ts'
import { conversationId, time } from './fields.ts'
import { answer, type Route, route } from './route.ts'
import { textField } from './text-fields.ts'

const params = z.strictObject({ conversationId })

const changeBody = z.strictObject({
  mutedUntil: time.nullable().optional(),
  notify: z.enum(['all', 'mentions', 'none']).optional(),
  pinned: z.boolean().optional(),
  archived: z.boolean().optional(),
  draft: textField(TEXT_MAX_CODE_POINTS).nullable().optional(),
})

/** How you want to have a conversation: on all your devices, and told to nobody else. */
export function preferenceRoutes(preferences: ConversationPreferences): Route[] {
  return [
    route({
      method: 'get',
      path: '/conversations/:conversationId/preferences',
      summary: 'How you have it: muted, pinned, archived, and your draft',
      tag: 'conversations',
      scope: 'conversations:read',
      params,
      responses: { 200: preferencesSchema },
      errors: ['not_found'],
      handle: async ({ actor, params: { conversationId: id } }) =>
        answer(200, await preferences.get(actor, id)),
    }),
    route({
      method: 'patch',
      path: '/conversations/:conversationId/preferences',
      summary: 'Mute, pin or archive it, say what notifies you, keep a draft',
      tag: 'conversations',
      scope: 'conversations:write',
      params,
      body: changeBody,
      responses: { 200: preferencesSchema },
      errors: ['not_found'],
      handle: async ({ actor, params: { conversationId: id }, body }) =>
        answer(200, await preferences.change(actor, id, given(body))),
    }),
  ]
}

/** The fields that the request has; an empty draft is none. */
function given({
  mutedUntil,
  notify,
  pinned,
  archived,
  draft,
}: z.output<typeof changeBody>): Partial<Preferences> {
  return {
    ...(mutedUntil !== undefined && { mutedUntil }),
    ...(notify !== undefined && { notify }),
    ...(pinned !== undefined && { pinned }),
    ...(archived !== undefined && { archived }),
    ...(draft !== undefined && { draft: draft || null }),
  }
}
