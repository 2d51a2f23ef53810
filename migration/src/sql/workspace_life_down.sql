drop policy can_update on public.workspaces;
revoke update (name, slug, version, updated_at) on public.workspaces from footnote_app, footnote_worker;

drop function app.claim_jobs(text, text[], integer, integer);
drop function app.enter_job(uuid, uuid, uuid);
drop function app.permissions_of(uuid, uuid, uuid);

create function app.permissions_of(p_workspace uuid, p_user uuid, p_api_key uuid) returns table (role text, permissions text)
language sql stable set search_path = '' as $$
  select r.name, string_agg(p.permission, ',' order by p.permission)
  from public.memberships m
  join public.workspaces w on w.id = m.workspace_id
  join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
  left join public.api_keys k on k.workspace_id = m.workspace_id and k.id = p_api_key and k.user_id = m.user_id
    and k.revoked_at is null and (k.expires_at is null or k.expires_at > clock_timestamp())
  left join lateral (
    select b.permission from public.role_permissions b where b.role = r.built_in
    union all
    select own from unnest(r.permissions) as own) p
    on (p_api_key is null or p.permission = any (k.scopes))
      -- Nothing is changed in a workspace that waits for its deletion, and only what is needed to bring it back is seen.
      and (w.purge_at is null or p.permission in ('workspace:read', 'workspace:own', 'member:read', 'audit:read'))
  where m.workspace_id = p_workspace and m.user_id = p_user and m.status = 'ACTIVE' and (p_api_key is null or k.id is not null)
  group by r.name
$$;
comment on function app.permissions_of(uuid, uuid, uuid) is
  'The role and the permissions of a member as they are now, at most the scopes of a key where one is given; no row where there is no active member, or no live key. Only doors may call it.';

create function app.enter_job(p_workspace uuid, p_job uuid, p_token uuid)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_actor uuid;
  v_api_key uuid;
  v_role text;
  v_permissions text;
begin
  -- Locked, so that a reaper cannot give the job away while an effect of it commits.
  select j.actor_id, j.api_key_id into v_actor, v_api_key from public.jobs j
  where j.workspace_id = p_workspace and j.id = p_job and j.lease_token = p_token and j.status = 'RUNNING'
  for update;
  if not found then
    raise exception 'the lease was lost' using errcode = 'FN004';
  end if;
  -- The starter's permissions as they are now, not as they were.
  select p.role, p.permissions into v_role, v_permissions from app.permissions_of(p_workspace, v_actor, v_api_key) p;
  perform app.enter(p_workspace, v_actor, v_role, v_permissions, p_job, v_api_key, null);
  perform set_config('app.lease_token', p_token::text, true);
  return query select p_workspace, v_actor, v_role, v_permissions;
end
$$;
comment on function app.enter_job(uuid, uuid, uuid) is
  'Door of workers: enters the workspace of a leased job with its starter''s current permissions. Sees across tenants because the tenant is the job''s.';

create function app.claim_jobs(p_worker text, p_kinds text[], p_limit integer, p_lease_ms integer)
returns table (workspace_id uuid, id uuid, kind text, subject_id uuid, attempts integer, max_attempts integer, lease_token uuid,
  correlation_id text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  v_heads uuid[];
  v_head uuid;
  v_left integer := p_limit;
  v_turn integer := 0;
  v_taken integer;
begin
  -- The heads are not locked here: a workspace that enqueues all the time would never be served.
  select array_agg(h.workspace_id) into v_heads from (
    select q.workspace_id from public.queue_heads q
    left join public.queue_turns t on t.workspace_id = q.workspace_id
    where q.next_run_at <= clock_timestamp() and q.next_run_at < 'infinity'
    order by t.last_served_at nulls first limit p_limit) h;
  foreach v_head in array coalesce(v_heads, '{}') loop
    exit when v_left = 0;
    -- Materialised, because a plain sub-select with a limit is run again for each row that it is joined to.
    return query
      with picked as materialized (
        select q.id from public.jobs q
        where q.workspace_id = v_head and q.status = 'QUEUED' and q.run_at <= clock_timestamp() and q.kind = any (p_kinds)
        order by q.run_at, q.id
        limit ceil(v_left::numeric / (cardinality(v_heads) - v_turn))
        for update skip locked)
      update public.jobs j
      set status = 'RUNNING', attempts = j.attempts + 1, worker = p_worker, lease_token = gen_random_uuid(),
        lease_expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond', updated_at = clock_timestamp()
      from picked
      where j.workspace_id = v_head and j.id = picked.id
      returning j.workspace_id, j.id, j.kind, j.subject_id, j.attempts, j.max_attempts, j.lease_token, j.correlation_id;
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    v_turn := v_turn + 1;
    insert into public.queue_turns as t (workspace_id, last_served_at) values (v_head, clock_timestamp())
    on conflict on constraint queue_turns_pkey do update set last_served_at = excluded.last_served_at;
    -- Locked by a statement of its own, before the one that looks: what is enqueued meanwhile waits for this lock and then
    -- moves the head forward again. Whoever enqueues right now has it, and leaves it as it is.
    perform 1 from public.queue_heads q where q.workspace_id = v_head for update skip locked;
    if found then
      update public.queue_heads q
      set next_run_at = coalesce((select min(j.run_at) from public.jobs j where j.workspace_id = v_head and j.status = 'QUEUED'), 'infinity')
      where q.workspace_id = v_head;
    end if;
  end loop;
end
$$;
comment on function app.claim_jobs(text, text[], integer, integer) is
  'Door of workers: leases runnable jobs, workspaces in turn. Sees across tenants because whose turn it is, is the question.';

revoke execute on function app.permissions_of(uuid, uuid, uuid), app.enter_job(uuid, uuid, uuid), app.claim_jobs(text, text[], integer, integer) from public;
grant execute on function app.enter_job(uuid, uuid, uuid), app.claim_jobs(text, text[], integer, integer) to footnote_worker;
alter function app.permissions_of(uuid, uuid, uuid) owner to footnote_system;
alter function app.enter_job(uuid, uuid, uuid) owner to footnote_system;
alter function app.claim_jobs(text, text[], integer, integer) owner to footnote_system;
