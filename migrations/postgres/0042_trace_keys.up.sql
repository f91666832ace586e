-- Traces are written for every message and read for few: looking for an earlier row of the same pass cost more
-- than all the rest of the insert. A pass done again is another row, of which readers take the latest.
alter table notification_traces drop constraint notification_traces_pkey;
create index notification_traces_by_day on notification_traces (day);
