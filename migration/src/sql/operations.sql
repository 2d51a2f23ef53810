-- What an operator sees of everything: numbers and names of ours. None of these gives a name, an id or a text of a tenant.
create function app.operator_of_context() returns table (id uuid, name text, email text, expires_at timestamptz)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query select o.id, o.name, o.email, o.expires_at from public.operators o where o.id = app.require_operator();
end
$$;
comment on function app.operator_of_context() is 'Door: the operator of the context. Privileged because only doors see operators.';

create function app.entries_of_operator(p_most integer) returns setof public.operator_entries
language plpgsql stable security definer set search_path = '' as $$
begin
  return query select * from public.operator_entries e
    where e.operator_id = app.require_operator() order by e.id desc limit least(p_most, 100);
end
$$;
comment on function app.entries_of_operator(integer) is
  'Door: the newest entries of the context''s operator. Sees across tenants because an operator belongs to none.';

create function app.count_workspaces(p_most integer) returns table (total integer, pending_deletion integer)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform app.require_operator();
  return query select count(*)::integer, count(w.purge_at)::integer
    from (select s.purge_at from public.workspaces s limit p_most) w;
end
$$;
comment on function app.count_workspaces(integer) is
  'Door of operators: how many workspaces there are, of so many at most. Sees across tenants because it counts them.';

create function app.count_jobs(p_most integer)
returns table (kind text, queued integer, running integer, dead integer, oldest_queued_at timestamptz)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  perform app.require_operator();
  return query select j.kind, count(*) filter (where j.status = 'QUEUED')::integer, count(*) filter (where j.status = 'RUNNING')::integer,
      count(*) filter (where j.status = 'DEAD')::integer, min(j.created_at) filter (where j.status = 'QUEUED')
    from (select s.kind, s.status, s.created_at from public.jobs s limit p_most) j
    group by j.kind order by j.kind;
end
$$;
comment on function app.count_jobs(integer) is
  'Door of operators: how many jobs of each kind there are, of so many at most. Sees across tenants because it counts over all of them.';

create function app.migration_history() returns table (name text, applied_at timestamptz)
language plpgsql stable security definer set search_path = '' as $$
begin
  perform app.require_operator();
  return query select m.version::text, to_timestamp(m.applied_at) from public.seaql_migrations m order by m.version;
end
$$;
comment on function app.migration_history() is
  'Door of operators: which migrations were applied, and when. Privileged because only the owner reads the history, which holds no tenant''s row.';

revoke execute on function app.operator_of_context(), app.entries_of_operator(integer), app.count_workspaces(integer),
  app.count_jobs(integer), app.migration_history() from public;
grant execute on function app.operator_of_context(), app.entries_of_operator(integer), app.count_workspaces(integer),
  app.count_jobs(integer), app.migration_history() to footnote_app;
alter function app.operator_of_context() owner to footnote_system;
alter function app.entries_of_operator(integer) owner to footnote_system;
alter function app.count_workspaces(integer) owner to footnote_system;
alter function app.count_jobs(integer) owner to footnote_system;
alter function app.migration_history() owner to footnote_system;
