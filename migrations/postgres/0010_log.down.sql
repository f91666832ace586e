drop function append;
drop table relay_nodes;
drop table lanes;
drop function log_make_partitions;
drop table log;
drop sequence log_position;
drop function ensure_era;
drop table cluster_era;
