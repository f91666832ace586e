drop function append_all;
