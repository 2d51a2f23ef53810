-- Claiming: the oldest runnable jobs of a workspace.
create index jobs_runnable on public.jobs (workspace_id, run_at, id) where status = 'QUEUED';
-- Reaping: leases by expiry, over all workspaces.
create index jobs_leases on public.jobs (lease_expires_at) where status = 'RUNNING';
-- `jobs(status: DEAD)`.
create index jobs_by_status on public.jobs (workspace_id, status, id);
create unique index jobs_dedupe on public.jobs (workspace_id, dedupe_key) where status <> 'DEAD';

-- Operators queue dead jobs again; what a job is, and for whom, nobody changes.
revoke update on public.jobs from footnote_app, footnote_worker;
grant update (status, attempts, run_at, failure_class, last_error, updated_at) on public.jobs to footnote_app, footnote_worker;

create table public.queue_heads (
  workspace_id uuid primary key references public.workspaces (id),
  next_run_at timestamptz not null
);
comment on table public.queue_heads is 'When a workspace next has work. Choosing by it costs the same however long a backlog is. Only doors see it.';
comment on column public.queue_heads.workspace_id is 'The tenant.';
comment on column public.queue_heads.next_run_at is 'The earliest run_at of its queued jobs; infinity where it has none.';
create index queue_heads_due on public.queue_heads (next_run_at) where next_run_at < 'infinity';
alter table public.queue_heads enable row level security, force row level security;
create policy doors on public.queue_heads to footnote_system using (true) with check (true);
grant select, insert, update on public.queue_heads to footnote_system;
grant select on public.queue_heads to footnote_maintenance;

-- Apart from the heads, which every enqueuing transaction holds until it commits.
create table public.queue_turns (
  workspace_id uuid primary key references public.workspaces (id),
  last_served_at timestamptz not null
);
comment on table public.queue_turns is 'When a workspace was last served: least recently goes first. Only doors see it.';
comment on column public.queue_turns.workspace_id is 'The tenant.';
comment on column public.queue_turns.last_served_at is 'The last claim that looked at it.';
alter table public.queue_turns enable row level security, force row level security;
create policy doors on public.queue_turns to footnote_system using (true) with check (true);
grant select, insert, update on public.queue_turns to footnote_system;
grant select on public.queue_turns to footnote_maintenance;

create function app.note_queue_head() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.queue_heads as head (workspace_id, next_run_at) values (new.workspace_id, new.run_at)
  on conflict (workspace_id) do update set next_run_at = excluded.next_run_at where head.next_run_at > excluded.next_run_at;
  return null;
end
$$;
comment on function app.note_queue_head() is 'Trigger: moves a workspace''s head forward when a job becomes runnable earlier. Privileged because heads are not for tenants.';
create trigger note_queue_head after insert or update of status, run_at on public.jobs
  for each row when (new.status = 'QUEUED') execute function app.note_queue_head();

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

create function app.renew_job(p_workspace uuid, p_job uuid, p_token uuid, p_lease_ms integer) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update public.jobs j
  set lease_expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond', updated_at = clock_timestamp()
  where j.workspace_id = p_workspace and j.id = p_job and j.lease_token = p_token and j.status = 'RUNNING';
  return found;
end
$$;
comment on function app.renew_job(uuid, uuid, uuid, integer) is
  'Door of workers: keeps a lease alive, by its token; false when it was lost. Privileged because a worker has no context yet.';

create function app.enter_job(p_workspace uuid, p_job uuid, p_token uuid)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_actor uuid;
  v_role text;
  v_permissions text;
begin
  -- Locked, so that a reaper cannot give the job away while an effect of it commits.
  select j.actor_id into v_actor from public.jobs j
  where j.workspace_id = p_workspace and j.id = p_job and j.lease_token = p_token and j.status = 'RUNNING'
  for update;
  if not found then
    raise exception 'the lease was lost' using errcode = 'FN004';
  end if;
  -- The starter's permissions as they are now, not as they were.
  select m.role into v_role from public.memberships m
  where m.workspace_id = p_workspace and m.user_id = v_actor and m.status = 'ACTIVE';
  select string_agg(p.permission, ',' order by p.permission) into v_permissions
  from public.role_permissions p where p.role = v_role;
  perform app.enter(p_workspace, v_actor, v_role, v_permissions, p_job::text);
  perform set_config('app.lease_token', p_token::text, true);
  return query select p_workspace, v_actor, v_role, v_permissions;
end
$$;
comment on function app.enter_job(uuid, uuid, uuid) is
  'Door of workers: enters the workspace of a leased job with its starter''s current permissions. Sees across tenants because the tenant is the job''s.';

create function app.finish_job() returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  delete from public.jobs j
  where j.workspace_id = app.workspace_id() and j.id = nullif(current_setting('app.job_id', true), '')::uuid
    and j.lease_token = nullif(current_setting('app.lease_token', true), '')::uuid and j.status = 'RUNNING';
  get diagnostics v_count = row_count;
  if v_count <> 1 then
    raise exception 'the lease was lost' using errcode = 'FN004';
  end if;
end
$$;
comment on function app.finish_job() is
  'Door of workers: removes the job of the context, in the transaction of its effect. Privileged because nobody else may delete jobs.';

create function app.fail_job(p_workspace uuid, p_job uuid, p_token uuid, p_class text, p_error text, p_delay_ms integer, p_dead boolean)
returns boolean language plpgsql security definer set search_path = '' as $$
begin
  update public.jobs j
  set status = case when p_dead then 'DEAD' else 'QUEUED' end, lease_token = null, lease_expires_at = null,
    failure_class = p_class, last_error = left(p_error, 2000), updated_at = clock_timestamp(),
    run_at = clock_timestamp() + p_delay_ms * interval '1 millisecond'
  where j.workspace_id = p_workspace and j.id = p_job and j.lease_token = p_token and j.status = 'RUNNING';
  return found;
end
$$;
comment on function app.fail_job(uuid, uuid, uuid, text, text, integer, boolean) is
  'Door of workers: gives a job back after a failure, for a later attempt or for an operator. Privileged because the context may be gone.';

create function app.reap_jobs() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  with expired as materialized (
    select q.workspace_id, q.id from public.jobs q
    where q.status = 'RUNNING' and q.lease_expires_at < clock_timestamp()
    order by q.lease_expires_at limit 500 for update skip locked)
  update public.jobs j
  set status = 'QUEUED', lease_token = null, lease_expires_at = null, run_at = clock_timestamp(), failure_class = 'LEASE_EXPIRED',
    last_error = 'The worker stopped renewing its lease.', updated_at = clock_timestamp()
  from expired
  where j.workspace_id = expired.workspace_id and j.id = expired.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app.reap_jobs() is
  'Door of workers: takes back jobs whose lease has expired. Sees across tenants because a dead worker served any of them.';

revoke execute on function app.note_queue_head(), app.claim_jobs(text, text[], integer, integer), app.renew_job(uuid, uuid, uuid, integer),
  app.enter_job(uuid, uuid, uuid), app.finish_job(), app.fail_job(uuid, uuid, uuid, text, text, integer, boolean), app.reap_jobs()
  from public;
grant execute on function app.claim_jobs(text, text[], integer, integer), app.renew_job(uuid, uuid, uuid, integer),
  app.enter_job(uuid, uuid, uuid), app.finish_job(), app.fail_job(uuid, uuid, uuid, text, text, integer, boolean), app.reap_jobs()
  to footnote_worker;
alter function app.note_queue_head() owner to footnote_system;
alter function app.claim_jobs(text, text[], integer, integer) owner to footnote_system;
alter function app.renew_job(uuid, uuid, uuid, integer) owner to footnote_system;
alter function app.enter_job(uuid, uuid, uuid) owner to footnote_system;
alter function app.finish_job() owner to footnote_system;
alter function app.fail_job(uuid, uuid, uuid, text, text, integer, boolean) owner to footnote_system;
alter function app.reap_jobs() owner to footnote_system;
