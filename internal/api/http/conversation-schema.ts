import { z } from 'zod'
import { SYSTEM_EVENTS } from '../../domain/message.ts'
import { conversationId, messageId, time, userId, uuid } from './fields.ts'
import { userSchema } from './user-schema.ts'

const seq = z.int().min(0)

const replyPreview = z
  .object({ id: messageId, seq, senderId: userId, excerpt: z.string() })
  .meta({ id: 'ReplyPreview' })

const systemEvent = z
  .object({
    event: z.enum(SYSTEM_EVENTS),
    actorId: userId,
    userIds: z.array(userId),
  })
  .meta({ id: 'SystemEvent' })

export const reactionSchema = z
  .object({
    emoji: z.string(),
    count: z.int(),
    userIds: z.array(userId).meta({ description: 'the first ten' }),
    mine: z.boolean().optional().meta({ description: 'in answers to oneself' }),
  })
  .meta({ id: 'Reaction' })

export const messageSchema = z
  .object({
    id: messageId,
    conversationId,
    seq,
    senderId: userId,
    clientId: uuid.nullable(),
    type: z.enum(['text', 'media', 'system']),
    content: z.string(),
    attachments: z.array(z.never()),
    replyTo: replyPreview.nullable(),
    threadRootId: messageId.nullable(),
    threadCount: z.int(),
    mentions: z.object({ userIds: z.array(userId), all: z.boolean() }),
    reactions: z.array(reactionSchema),
    pinned: z.boolean(),
    forwardedFrom: messageId.nullable(),
    system: systemEvent.nullable(),
    createdAt: time,
    editedAt: time.nullable(),
    deletedAt: time.nullable(),
    expiresAt: time.nullable(),
    rev: z.int().min(0),
  })
  .meta({ id: 'Message' })

export const changeSchema = z
  .object({
    rev: z.int(),
    kind: z.enum(['edit', 'delete', 'reaction', 'pin']),
    messageId,
    seq,
    message: messageSchema.nullable(),
  })
  .meta({ id: 'Change' })

const role = z.enum(['owner', 'admin', 'moderator', 'member'])
const policy = z.enum(['everyone', 'admins'])

export const preferencesSchema = z
  .object({
    mutedUntil: time.nullable(),
    notify: z.enum(['all', 'mentions', 'none']),
    pinned: z.boolean(),
    archived: z.boolean(),
    draft: z.string().nullable(),
  })
  .meta({ id: 'Preferences' })

export const conversationSchema = z
  .object({
    id: conversationId,
    kind: z.enum(['direct', 'group']),
    name: z.string().nullable(),
    description: z.string().nullable(),
    avatarUrl: z.string().nullable(),
    memberCount: z.int(),
    peer: userSchema.nullable(),
    postPolicy: policy,
    invitePolicy: policy,
    infoPolicy: policy,
    historyVisibility: z.enum(['joined', 'all']),
    messageTtl: z.int().nullable(),
    createdBy: userId,
    createdAt: time,
    seq,
    rev: z.int().min(0),
    epoch: z.string(),
    lastMessage: messageSchema.nullable().meta({ description: 'null to tokens without messages:read' }),
    role,
    joinedSeq: seq,
    deliveredSeq: seq,
    readSeq: seq,
    unread: z.int().min(0),
    mentions: z.int().min(0),
    preferences: preferencesSchema,
  })
  .meta({ id: 'Conversation' })

export const memberSchema = z
  .object({ user: userSchema, role, joinedAt: time, deliveredSeq: seq, readSeq: seq })
  .meta({ id: 'Member' })

export const inviteSchema = z
  .object({
    code: z.string(),
    url: z.string(),
    expiresAt: time.nullable(),
    maxUses: z.int().nullable(),
    uses: z.int().min(0),
  })
  .meta({ id: 'Invite' })
