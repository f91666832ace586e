-- As in 0010.
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
    made := made + 1;
  end loop;
  return made;
end $$;
