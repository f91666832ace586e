delete from notification_traces t using notification_traces later
where (later.day, later.event_id, later.pass, later.first_user) = (t.day, t.event_id, t.pass, t.first_user)
  and (later.at, later.ctid) > (t.at, t.ctid);
alter table notification_traces add primary key (day, event_id, pass, first_user);
drop index notification_traces_by_day;
