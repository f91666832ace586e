-- Changes are archived by rev: those made before the youngest removed message go with it.
alter table purges add column up_to_rev bigint not null default 0 check (up_to_rev >= 0);

create or replace function purge_deleted_conversation() returns trigger language plpgsql as $$
begin
  -- Three days: by then the log's own rows are gone, and all that was to be archived has been.
  insert into purges (conversation_id, up_to, up_to_rev, until)
  values (old.conversation_id, old.seq, old.rev, now() + interval '3 days')
  on conflict (conversation_id) do update set up_to = greatest(purges.up_to, excluded.up_to),
    up_to_rev = greatest(purges.up_to_rev, excluded.up_to_rev), until = excluded.until;
  return null;
end $$;
