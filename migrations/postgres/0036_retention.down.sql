create or replace function purge_deleted_conversation() returns trigger language plpgsql as $$
begin
  insert into purges (conversation_id, up_to, until) values (old.conversation_id, old.seq, now() + interval '3 days')
  on conflict (conversation_id) do update
    set up_to = greatest(purges.up_to, excluded.up_to), until = excluded.until;
  return null;
end $$;
alter table purges drop column up_to_rev;
