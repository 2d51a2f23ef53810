create schema bench;
create table bench.seeded (workspaces bigint not null, rows bigint not null, start_ms bigint not null, seconds double precision not null);
insert into bench.seeded (workspaces, rows, start_ms, seconds)
select count, current_setting('bench.rows')::bigint, start, extract(epoch from clock_timestamp() - now()) from scale;
