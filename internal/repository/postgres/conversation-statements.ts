// Statements of one transaction that changes a conversation; $1 is the conversation where none is said.

export const LOCK_USERS = {
  name: 'change-users',
  text: `select id from users where id = any ($1) and status = 'active' order by id for key share`,
}

export const BLOCKERS = {
  name: 'change-blockers',
  text: 'select blocker_id from blocks where blocked_id = $1 and blocker_id = any ($2)',
}

export const LOCK_HEAD = {
  name: 'change-head',
  text: 'select seq, ordinal from heads where conversation_id = $1 for update',
}

export const BUMP_HEAD = {
  name: 'change-bump',
  text: `
    update heads set member_version = member_version + 1 where conversation_id = $1 returning member_version`,
}

export const SETTINGS = {
  name: 'change-settings',
  text: `
    select kind, name, description, avatar_url "avatarUrl", post_policy "postPolicy",
      invite_policy "invitePolicy", info_policy "infoPolicy", history_visibility "historyVisibility",
      message_ttl "messageTtl", member_count "memberCount",
      exists (
        select 1 from direct_pairs p
        join blocks b on b.blocker_id in (p.low, p.high) and b.blocked_id = $2
        where p.conversation_id = $1) "isBlocked"
    from conversations where id = $1`,
}

const MEMBER = `
  user_id "userId", role, joined_at "joinedAt", delivered_seq "deliveredSeq", read_seq "readSeq"`

export const LOCK_MEMBERS = {
  name: 'change-members',
  text: `
    select ${MEMBER} from conversation_members
    where conversation_id = $1 and user_id = any ($2)
    order by conversation_id, user_id for update`,
}

export const INVITE = {
  name: 'change-invite',
  text: `
    select code, expires_at "expiresAt", max_uses "maxUses", uses from invites
    where conversation_id = $1 and code = $2 for update`,
}

export const WAS_REMOVED = {
  name: 'change-was-removed',
  text: `
    select 1 from past_memberships
    where conversation_id = $1 and user_id = $2 and reason = 'removed'`,
}

export const INSERT_MEMBERS = {
  name: 'change-join',
  text: `
    with joining as (select u.id from unnest($2::uuid[]) u(id) order by u.id),
    back as (
      delete from past_memberships p using joining j
      where p.user_id = j.id and p.conversation_id = $1)
    insert into conversation_members
      (conversation_id, user_id, role, joined_at, joined_seq, delivered_seq, read_seq, read_ordinal)
    select $1, j.id, 'member', $3, $4, $4, $4, $5 from joining j
    returning ${MEMBER}`,
}

export const COUNT_MEMBERS = {
  name: 'change-count',
  text: 'update conversations set member_count = member_count + $2 where id = $1',
}

export const USE_INVITE = {
  name: 'change-use-invite',
  text: 'update invites set uses = uses + 1 where code = $1',
}

export const REMEMBER_MEMBER = {
  name: 'change-remember',
  text: `
    insert into past_memberships (user_id, conversation_id, reason, ended_at) values ($1, $2, $3, $4)
    on conflict (user_id, conversation_id) do update set reason = excluded.reason, ended_at = excluded.ended_at`,
}

export const DELETE_MEMBER = {
  name: 'change-leave',
  text: 'delete from conversation_members where conversation_id = $1 and user_id = $2',
}

export const SET_ROLES = {
  name: 'change-roles',
  text: `
    update conversation_members m set role = x.role
    from unnest($2::uuid[], $3::text[]) x(user_id, role)
    where m.conversation_id = $1 and m.user_id = x.user_id
    returning m.user_id "userId", m.role, m.joined_at "joinedAt", m.delivered_seq "deliveredSeq",
      m.read_seq "readSeq"`,
}

export const UPDATE_SETTINGS = {
  name: 'change-update',
  text: `
    update conversations set name = $2, description = $3, avatar_url = $4, post_policy = $5,
      invite_policy = $6, info_policy = $7, history_visibility = $8, message_ttl = $9
    where id = $1`,
}

// In order before the rows go: whoever moves several members' pointers takes them in order, too.
export const LOCK_ALL_MEMBERS = {
  name: 'change-lock-all',
  text: `
    select count(*) from (
      select 1 from conversation_members where conversation_id = $1
      order by conversation_id, user_id for update) x`,
}

export const REMEMBER_ALL = {
  name: 'change-remember-all',
  text: `
    insert into past_memberships (user_id, conversation_id, reason, ended_at)
    select user_id, conversation_id, 'deleted', $2 from conversation_members where conversation_id = $1
    on conflict (user_id, conversation_id) do update set reason = excluded.reason, ended_at = excluded.ended_at`,
}

/** What belongs to it goes with it, but for the log and the archive, which nobody can ask for any more. */
export const DELETE_CONVERSATION = {
  name: 'change-delete',
  text: 'delete from conversations where id = $1',
}
