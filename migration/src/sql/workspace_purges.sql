create table public.workspace_purges (
  id uuid primary key,
  -- No foreign keys: it outlives the workspace, and whoever asked for it.
  tenant_id uuid not null unique,
  requested_by uuid not null,
  requested_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null,
  status text not null default 'QUEUED' check (status in ('QUEUED', 'RUNNING', 'FAILED', 'DONE')),
  run_at timestamptz not null,
  attempts integer not null default 0,
  lease_token uuid,
  failure text check (length(failure) <= 2000),
  removed jsonb not null default '{}',
  remaining jsonb,
  removed_at timestamptz,
  finished_at timestamptz,
  check ((status = 'RUNNING') = (lease_token is not null)),
  check ((status = 'DONE') = (finished_at is not null))
);
-- Claim: what is due, and what a dead worker left.
create index workspace_purges_due on public.workspace_purges (run_at) where status <> 'DONE';
comment on table public.workspace_purges is
  'The removal of a workspace from every store, and its proof. Global: it outlives the workspace, which it names by id alone. Only doors see it.';
comment on column public.workspace_purges.id is 'UUID version 7, made by the database.';
comment on column public.workspace_purges.tenant_id is 'The workspace that is, or was, removed.';
comment on column public.workspace_purges.requested_by is 'The user who asked for it, by an API key of theirs maybe.';
comment on column public.workspace_purges.requested_at is 'When it was asked for.';
comment on column public.workspace_purges.due_at is 'When the grace period ends. Until then it can be called off, and the row goes.';
comment on column public.workspace_purges.status is
  'QUEUED waits for run_at: to begin, or to look once more. RUNNING has a lease. FAILED is tried again at run_at. DONE: nothing was left in any store.';
comment on column public.workspace_purges.run_at is 'Not before this moment; while it is RUNNING, when its lease ends.';
comment on column public.workspace_purges.attempts is 'How often it was claimed.';
comment on column public.workspace_purges.lease_token is 'Proof of the claim; a worker without it changes nothing. Null unless RUNNING.';
comment on column public.workspace_purges.failure is 'A sentence about the last failure; null while there is none.';
comment on column public.workspace_purges.removed is
  'What was removed: {"postgres": {table: rows}, "vectors": points and indexes, "objects": objects}, as far as it could be counted before.';
comment on column public.workspace_purges.remaining is
  'What was found afterwards, all of it zero where it is DONE: {"postgres", "vectors", "objects"}; null before the first look.';
comment on column public.workspace_purges.removed_at is 'When nothing was left for the first time; null before. One more look follows.';
comment on column public.workspace_purges.finished_at is 'When it was DONE; null before.';
alter table public.workspace_purges enable row level security, force row level security;
create policy doors on public.workspace_purges to footnote_system using (true) with check (true);
grant select, insert, update, delete on public.workspace_purges to footnote_system;
grant select on public.workspace_purges to footnote_maintenance;

create function app.purging() returns uuid language sql stable
return (select p.tenant_id from public.workspace_purges p
  where p.tenant_id = nullif(current_setting('app.purging', true), '')::uuid and p.status = 'RUNNING');
comment on function app.purging() is 'The workspace that this transaction removes; null in every other. Only doors may call it.';

create function app.purge_order() returns text[] language sql immutable set search_path = ''
return array[
  -- First, so that nothing that had begun before can still be recorded: every change of a workspace numbers its envelopes here.
  'workspace_sequences',
  -- Then each before what it refers to.
  'citations', 'retrieval_hits', 'retrievals', 'agent_run_steps', 'agent_run_events', 'agent_runs', 'agents',
  'uploads', 'chunk_embeddings', 'chunks', 'embedding_indexes', 'ingestions', 'document_versions', 'documents', 'collections',
  'idempotency_records', 'jobs', 'queue_heads', 'queue_turns', 'events', 'audit_entries',
  'invitation_tokens', 'invitations', 'operator_entries', 'api_keys', 'memberships', 'roles'];
comment on function app.purge_order() is 'Every table of tenants, in the order in which a purge empties them.';

do $$
declare
  v_table text;
begin
  foreach v_table in array app.purge_order() loop
    continue when to_regclass(format('public.%I', v_table)) is null;
    execute format('grant select, delete on public.%I to footnote_system', v_table);
    if not exists (select from pg_catalog.pg_policies p
        where p.schemaname = 'public' and p.tablename = v_table and 'footnote_system' = any (p.roles) and p.cmd in ('ALL', 'DELETE')) then
      -- Not `=`, for which each batch would be looked up by the index of the tenant once more, row by row, instead of by its places.
      execute format('create policy purge on public.%I to footnote_system using (workspace_id is not distinct from (select app.purging()))',
        v_table);
    end if;
  end loop;
end
$$;
-- Documents and their versions refer to each other.
grant update (current_version_id) on public.documents to footnote_system;
grant delete on public.workspaces to footnote_system;

-- The same for everybody but the purge of a whole workspace.
create or replace function app.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  -- Two conditions, because PostgreSQL asks for the right to a function before it looks at the first half of one.
  if tg_op = 'DELETE' and current_user = 'footnote_system' then
    if old.workspace_id = app.purging() then
      return old;
    end if;
  end if;
  raise exception 'rows of % are never changed', tg_table_name using errcode = 'FN005';
end
$$;
comment on function app.refuse_change() is
  'Trigger: refuses to change or remove rows of an append-only table; only the purge of their workspace removes them.';

create function app.delete_workspace(p_slug text, p_days integer) returns timestamptz
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_workspace public.workspaces;
  v_purge_at timestamptz := clock_timestamp() + p_days * interval '1 day';
begin
  if app.actor_id() is null or app.in_job() or not app.can('workspace:own') then
    raise exception 'only somebody who may own the workspace deletes it' using errcode = '42501';
  end if;
  select * into v_workspace from public.workspaces w where w.id = app.workspace_id() for no key update;
  if not found then
    raise exception 'no such workspace' using errcode = 'FN002';
  elsif v_workspace.slug <> p_slug then
    raise exception 'another slug' using errcode = 'FN072';
  elsif v_workspace.purge_at is not null then
    raise exception 'it waits for its deletion' using errcode = 'FN070';
  end if;
  update public.workspaces w set purge_at = v_purge_at, version = w.version + 1, updated_at = clock_timestamp() where w.id = v_workspace.id;
  insert into public.workspace_purges (id, tenant_id, requested_by, due_at, run_at)
  values (app.uuid_v7(), v_workspace.id, app.actor_id(), v_purge_at, v_purge_at);
  update public.queue_heads h set next_run_at = 'infinity' where h.workspace_id = v_workspace.id;
  return v_purge_at;
end
$$;
comment on function app.delete_workspace(text, integer) is
  'Door: lets the context''s workspace wait for its deletion, for so many days. Privileged because purges and queues are not for tenants; asks for workspace:own.';

create function app.restore_workspace() returns void
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_workspace uuid := app.workspace_id();
begin
  if app.actor_id() is null or app.in_job() or not app.can('workspace:own') then
    raise exception 'only somebody who may own the workspace restores it' using errcode = '42501';
  end if;
  perform 1 from public.workspaces w where w.id = v_workspace for no key update;
  -- Of a purge that is claimed in this moment the row is locked, and is QUEUED no more when the lock is free.
  delete from public.workspace_purges p
  where p.tenant_id = v_workspace and p.status = 'QUEUED' and p.attempts = 0 and p.due_at > clock_timestamp();
  if not found then
    raise exception 'it does not wait for its deletion, or not any more' using errcode = 'FN071';
  end if;
  update public.workspaces w set purge_at = null, version = w.version + 1, updated_at = clock_timestamp() where w.id = v_workspace;
  update public.queue_heads h
  set next_run_at = coalesce((select min(j.run_at) from public.jobs j where j.workspace_id = v_workspace and j.status = 'QUEUED'), 'infinity')
  where h.workspace_id = v_workspace;
end
$$;
comment on function app.restore_workspace() is
  'Door: calls the deletion of the context''s workspace off, until its purge begins. Privileged because purges and queues are not for tenants; asks for workspace:own.';

create function app.claim_purge(p_lease_ms integer)
returns table (id uuid, tenant_id uuid, attempts integer, lease_token uuid)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
begin
  return query
    with picked as materialized (
      select p.id from public.workspace_purges p
      where p.status <> 'DONE' and p.run_at <= clock_timestamp() and p.due_at <= clock_timestamp()
      order by p.run_at limit 1 for update skip locked)
    update public.workspace_purges p
    set status = 'RUNNING', attempts = p.attempts + 1, lease_token = gen_random_uuid(),
      run_at = clock_timestamp() + p_lease_ms * interval '1 millisecond'
    from picked where p.id = picked.id
    returning p.id, p.tenant_id, p.attempts, p.lease_token;
end
$$;
comment on function app.claim_purge(integer) is
  'Door of workers: leases the purge that is due, and one whose worker died. Sees across tenants because whose time has come, is the question.';

create function app.renew_purge(p_purge uuid, p_token uuid, p_lease_ms integer, p_found jsonb) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
begin
  -- Of what an attempt found and began to remove the next one finds less.
  update public.workspace_purges p
  set run_at = clock_timestamp() + p_lease_ms * interval '1 millisecond',
    removed = p.removed || coalesce((
      select jsonb_object_agg(f.key, greatest(f.value::bigint, (p.removed ->> f.key)::bigint)) from jsonb_each_text(p_found) f), '{}')
  where p.id = p_purge and p.lease_token = p_token and p.status = 'RUNNING';
  return found;
end
$$;
comment on function app.renew_purge(uuid, uuid, integer, jsonb) is
  'Door of workers: keeps the lease of a purge alive, and notes what a store held before it was emptied; false when the lease was lost. Privileged because a purge has no context.';

-- Without sequential scans, which would pass by what earlier batches have removed once more in each batch.
create function app.purge_rows(p_purge uuid, p_token uuid, p_limit integer, p_lease_ms integer) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' set enable_seqscan = off as $$
declare
  v_tenant uuid;
  v_removed jsonb;
  v_table text;
  v_left bigint := greatest(1, p_limit);
  v_count bigint;
begin
  select p.tenant_id, coalesce(p.removed -> 'postgres', '{}') into v_tenant, v_removed
  from public.workspace_purges p where p.id = p_purge and p.lease_token = p_token and p.status = 'RUNNING' for update;
  if not found then
    raise exception 'the lease was lost' using errcode = 'FN004';
  end if;
  -- Whoever writes rows of the workspace holds its own row, so this waits for them, and they find none afterwards.
  perform 1 from public.workspaces w where w.id = v_tenant and w.purge_at <= clock_timestamp() for update;
  if not found then
    if exists (select from public.workspaces w where w.id = v_tenant) then
      raise exception 'the workspace lives' using errcode = 'FN073';
    end if;
    return true;
  end if;
  perform set_config('app.purging', v_tenant::text, true);
  foreach v_table in array app.purge_order() loop
    continue when to_regclass(format('public.%I', v_table)) is null;
    if v_table = 'document_versions' then
      update public.documents d set current_version_id = null
      where d.ctid = any (array(select o.ctid from public.documents o
        where o.workspace_id = v_tenant and o.current_version_id is not null limit v_left));
      get diagnostics v_count = row_count;
      v_left := v_left - v_count;
    end if;
    exit when v_left <= 0;
    execute format('delete from public.%1$I t where t.ctid = any (array(select o.ctid from public.%1$I o where o.workspace_id = $1 limit $2))', v_table)
    using v_tenant, v_left;
    get diagnostics v_count = row_count;
    if v_count > 0 then
      v_removed := v_removed || jsonb_build_object(v_table, coalesce((v_removed ->> v_table)::bigint, 0) + v_count);
    end if;
    v_left := v_left - v_count;
    exit when v_left <= 0;
  end loop;
  if v_left > 0 then
    -- What mails say of it, sent or not.
    delete from public.outgoing_mails m where m.detail ->> 'workspace_id' = v_tenant::text;
    -- What its maker was answered, who may send `workspaceCreate` again under the same key.
    delete from public.account_idempotency_records r where position(app.type_id('workspace', v_tenant) in r.answer) > 0;
    delete from public.workspaces w where w.id = v_tenant;
    v_removed := v_removed || '{"workspaces": 1}';
  end if;
  update public.workspace_purges p
  set removed = p.removed || jsonb_build_object('postgres', v_removed), run_at = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  where p.id = p_purge;
  return v_left > 0;
end
$$;
comment on function app.purge_rows(uuid, uuid, integer, integer) is
  'Door of workers: removes up to so many rows of the workspace of a leased purge whose time has come, the workspace itself with the last ones; true when that is done. Privileged because nobody else may remove them.';

create function app.finish_purge(p_purge uuid, p_token uuid, p_remaining jsonb, p_settle_ms bigint) returns text
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_purge public.workspace_purges;
  v_remaining jsonb;
  v_table text;
  v_count bigint;
  v_rows bigint;
begin
  select * into v_purge from public.workspace_purges p
  where p.id = p_purge and p.lease_token = p_token and p.status = 'RUNNING' for update;
  if not found then
    raise exception 'the lease was lost' using errcode = 'FN004';
  end if;
  perform set_config('app.purging', v_purge.tenant_id::text, true);
  select count(*) into v_rows from public.workspaces w where w.id = v_purge.tenant_id;
  -- From the catalogue, and not from the list by which they were emptied.
  for v_table in
    select c.relname from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
  loop
    execute format('select count(*) from public.%I t where t.workspace_id = $1', v_table) into v_count using v_purge.tenant_id;
    v_rows := v_rows + v_count;
  end loop;
  v_remaining := jsonb_build_object('postgres', v_rows) || p_remaining;
  if exists (select from jsonb_each_text(v_remaining) as kept where kept.value <> '0') then
    update public.workspace_purges p set remaining = v_remaining where p.id = p_purge;
    return 'REMAINING';
  end if;
  -- A process that stood still while its work was taken away may write to a store until it notices: one more look, later.
  if v_purge.removed_at is null and p_settle_ms > 0 then
    update public.workspace_purges p
    set status = 'QUEUED', lease_token = null, failure = null, remaining = v_remaining, removed_at = clock_timestamp(),
      run_at = clock_timestamp() + p_settle_ms * interval '1 millisecond'
    where p.id = p_purge;
    return 'SETTLING';
  end if;
  update public.workspace_purges p
  set status = 'DONE', lease_token = null, failure = null, remaining = v_remaining, removed_at = coalesce(p.removed_at, clock_timestamp()),
    finished_at = clock_timestamp()
  where p.id = p_purge;
  return 'DONE';
end
$$;
comment on function app.finish_purge(uuid, uuid, jsonb, bigint) is
  'Door of workers: counts what is left of the workspace in every table, and ends its purge, or this look, where nothing is left in any store. Privileged because nobody else sees that.';

create function app.fail_purge(p_purge uuid, p_token uuid, p_error text, p_retry_ms integer) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
begin
  update public.workspace_purges p
  set status = 'FAILED', lease_token = null, failure = left(p_error, 2000), run_at = clock_timestamp() + p_retry_ms * interval '1 millisecond'
  where p.id = p_purge and p.lease_token = p_token and p.status = 'RUNNING';
  return found;
end
$$;
comment on function app.fail_purge(uuid, uuid, text, integer) is
  'Door of workers: gives a purge back after a failure, for a later attempt; false when the lease was lost. Privileged because a purge has no context.';

revoke execute on function app.purging(), app.purge_order(), app.delete_workspace(text, integer), app.restore_workspace(), app.claim_purge(integer),
  app.renew_purge(uuid, uuid, integer, jsonb), app.purge_rows(uuid, uuid, integer, integer), app.finish_purge(uuid, uuid, jsonb, bigint),
  app.fail_purge(uuid, uuid, text, integer) from public;
grant execute on function app.delete_workspace(text, integer), app.restore_workspace() to footnote_app;
grant execute on function app.claim_purge(integer), app.renew_purge(uuid, uuid, integer, jsonb), app.purge_rows(uuid, uuid, integer, integer),
  app.finish_purge(uuid, uuid, jsonb, bigint), app.fail_purge(uuid, uuid, text, integer) to footnote_worker;
alter function app.purging() owner to footnote_system;
alter function app.purge_order() owner to footnote_system;
alter function app.delete_workspace(text, integer) owner to footnote_system;
alter function app.restore_workspace() owner to footnote_system;
alter function app.claim_purge(integer) owner to footnote_system;
alter function app.renew_purge(uuid, uuid, integer, jsonb) owner to footnote_system;
alter function app.purge_rows(uuid, uuid, integer, integer) owner to footnote_system;
alter function app.finish_purge(uuid, uuid, jsonb, bigint) owner to footnote_system;
alter function app.fail_purge(uuid, uuid, text, integer) owner to footnote_system;
