-- As before, but for the CHECK, which only spares attaching a look at the rows: kept, it is read and planned anew
-- by every statement that inserts.
create or replace function log_make_partitions(first date, last date) returns integer language plpgsql as $$
declare
  d date;
  name text;
  made integer := 0;
begin
  for d in select generate_series(first, last, '1 day')::date loop
    name := 'log_' || to_char(d, 'YYYYMMDD');
    continue when to_regclass(name) is not null;
    execute format('create table %I (like log including defaults)', name);
    execute format('alter table %I add constraint %I check (day = %L::date)', name, name || '_day', d);
    execute format('alter table log attach partition %I for values from (%L) to (%L)', name, d, d + 1);
    execute format('alter table %I drop constraint %I', name, name || '_day');
    made := made + 1;
  end loop;
  return made;
end $$;

do $$
declare
  day record;
begin
  for day in select c.conrelid::regclass part, c.conname name from pg_constraint c
    join pg_inherits i on i.inhrelid = c.conrelid and i.inhparent = 'log'::regclass
    where c.contype = 'c' and c.conname ~ '^log_[0-9]{8}_day$'
  loop
    execute format('alter table %s drop constraint %I', day.part, day.name);
  end loop;
end $$;
