drop table dead_letters;
drop table notifications_shown;
drop table thread_followers;
drop table notification_traces;

delete from notification_claims where conversation_id is null or seq is null;
alter table notification_claims
  alter column conversation_id set not null,
  alter column seq set not null;

alter table push_tokens
  drop column notify,
  drop column previews;

drop table notification_settings;
