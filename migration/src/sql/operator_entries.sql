-- entries_of_operator.
create index operator_entries_of_operator on public.operator_entries (operator_id, id);
-- enter_operator, and whether there is one already.
create index operator_entries_living on public.operator_entries (workspace_id, operator_id, expires_at) where ended_at is null;
create constraint trigger require_audit after insert or update or delete on public.operator_entries
  deferrable initially deferred for each row execute function app.require_audit('operator');
-- Without an actor there is nobody to work for, and an operator queues nothing.
drop policy can_insert on public.jobs;
create policy can_insert on public.jobs for insert to footnote_app, footnote_worker
  with check (actor_id is not distinct from (select app.actor_id()) and api_key_id is not distinct from (select app.api_key_id())
    and (select app.operator_id()) is null and status = 'QUEUED' and lease_token is null);

create function app.enter_operator(p_hash bytea, p_workspace uuid, p_slug text)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text, operator_id uuid)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  v_operator public.operators;
  v_workspace uuid;
  v_role text;
  v_permissions text;
begin
  select * into v_operator from public.operators o where o.hash = p_hash;
  -- Why it failed is for the log alone: the codes are one answer to a client.
  if v_operator.id is null then
    raise exception 'no such key' using errcode = 'FN080';
  elsif v_operator.revoked_at is not null then
    raise exception 'the key was revoked' using errcode = 'FN081';
  elsif v_operator.expires_at <= clock_timestamp() then
    raise exception 'the key has expired' using errcode = 'FN082';
  end if;
  if p_workspace is not null or p_slug is not null then
    -- A workspace that the operator has not entered and one that is none are the same.
    select w.id, (
        select string_agg(p.name, ',' order by p.name) from public.permissions p
        -- As of members: of a workspace that waits for its deletion, only what is needed to bring it back is seen.
        where p.operator and (w.purge_at is null or p.name in ('workspace:read', 'member:read', 'audit:read')))
    into v_workspace, v_permissions
    from public.workspaces w
    where (w.id = p_workspace or w.slug = p_slug) and (w.purge_at is null or w.purge_at > clock_timestamp())
      and exists (
        select from public.operator_entries e
        where e.workspace_id = w.id and e.operator_id = v_operator.id and e.ended_at is null and e.expires_at > clock_timestamp());
    if v_workspace is null then
      raise exception 'no such workspace' using errcode = 'FN002';
    end if;
    v_role := 'OPERATOR';
  end if;
  perform app.enter(v_workspace, null, v_role, v_permissions, null, null, v_operator.id);
  return query select v_workspace, null::uuid, v_role, v_permissions, v_operator.id;
end
$$;
comment on function app.enter_operator(bytea, uuid, text) is
  'Door: lets a live operator in, into a workspace that they have entered, or into none. Sees across tenants because the tenant is not known before it.';

create function app.note_operator_use(p_hash bytea) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.operators o set last_used_at = clock_timestamp()
  where o.id = (
    select u.id from public.operators u
    where u.hash = p_hash and u.revoked_at is null and u.expires_at > clock_timestamp()
      and (u.last_used_at is null or u.last_used_at < clock_timestamp() - interval '1 minute')
    for update skip locked);
end
$$;
comment on function app.note_operator_use(bytea) is
  'Door: notes that an operator''s key is used, at most once a minute. Privileged because only doors see operators.';

create function app.require_operator() returns uuid language plpgsql stable set search_path = '' as $$
begin
  if app.operator_id() is null then
    raise exception 'this is for operators' using errcode = '42501';
  end if;
  return app.operator_id();
end
$$;
comment on function app.require_operator() is 'The operator of the context; refuses everybody else. Only doors may call it.';

create function app.start_operator_entry(p_id uuid, p_workspace uuid, p_slug text, p_reason text, p_minutes integer, p_request_id text)
returns setof public.operator_entries
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_operator public.operators;
  v_workspace public.workspaces;
  v_entry public.operator_entries;
  v_facts jsonb;
begin
  -- One at a time, or two at once would each see no other.
  select * into v_operator from public.operators o where o.id = app.require_operator() for update;
  -- Whoever was revoked while they waited here is told so, and whose key has ended meanwhile too.
  if v_operator.revoked_at is not null then
    raise exception 'the key was revoked' using errcode = 'FN081';
  elsif v_operator.expires_at <= clock_timestamp() then
    raise exception 'the key has expired' using errcode = 'FN082';
  end if;
  select * into v_workspace from public.workspaces w where w.id = p_workspace or w.slug = p_slug;
  if v_workspace.id is null then
    raise exception 'no such workspace' using errcode = 'FN002';
  end if;
  if exists (select from public.operator_entries e
      where e.workspace_id = v_workspace.id and e.operator_id = v_operator.id and e.ended_at is null and e.expires_at > clock_timestamp()) then
    raise exception 'the operator is in it already' using errcode = 'FN083';
  end if;
  insert into public.operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, started_at, expires_at)
  values (v_workspace.id, p_id, v_operator.id, v_operator.name, coalesce(p_slug, app.type_id('workspace', p_workspace)), p_reason,
    clock_timestamp(), least(clock_timestamp() + p_minutes * interval '1 minute', v_operator.expires_at))
  returning * into v_entry;
  v_facts := jsonb_build_object('reason', v_entry.reason,
    'expires_at', to_char(v_entry.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
  insert into public.outgoing_mails (id, kind, user_id, address, detail)
  select app.uuid_v7(), 'OPERATOR_ENTERED', u.id, u.email, v_facts || jsonb_build_object(
    'entry', app.type_id('entry', v_entry.id), 'operator', v_entry.operator_name, 'workspace', v_workspace.name)
  from public.memberships m
  join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
  join public.users u on u.id = m.user_id
  where m.workspace_id = v_workspace.id and m.status = 'ACTIVE' and r.built_in = 'OWNER';
  perform app.extend_chain(v_workspace.id, v_operator.id, 'OPERATOR', 'OPERATOR',
    jsonb_build_array(jsonb_build_object('id', app.uuid_v7(), 'type', 'operator.entered', 'subject', app.type_id('entry', v_entry.id),
      'data', v_facts, 'correlation_id', p_request_id)),
    jsonb_build_array(jsonb_build_object('id', app.uuid_v7(), 'action', 'operator.enter',
      'targets', jsonb_build_array(app.type_id('entry', v_entry.id)), 'after', v_facts, 'request_id', p_request_id)));
  return next v_entry;
end
$$;
comment on function app.start_operator_entry(uuid, uuid, text, text, integer, text) is
  'Door: an operator enters a workspace for so many minutes; its audit log, its events and its owners are told in the same transaction. Sees across tenants because an operator belongs to none.';

create function app.close_operator_entry(p_entry public.operator_entries, p_by text, p_actor uuid, p_action text, p_request_id text) returns void
language plpgsql set search_path = '' as $$
begin
  update public.operator_entries e set ended_at = clock_timestamp(), ended_by = p_by
  where e.workspace_id = p_entry.workspace_id and e.id = p_entry.id;
  perform app.extend_chain(p_entry.workspace_id, p_actor, case p_by when 'OPERATOR' then 'OPERATOR' else 'SYSTEM' end,
    case p_by when 'OPERATOR' then 'OPERATOR' end,
    jsonb_build_array(jsonb_build_object('id', app.uuid_v7(), 'type', 'operator.left', 'subject', app.type_id('entry', p_entry.id),
      'data', '{}'::jsonb, 'correlation_id', p_request_id)),
    jsonb_build_array(jsonb_build_object('id', app.uuid_v7(), 'action', p_action,
      'targets', jsonb_build_array(app.type_id('entry', p_entry.id)), 'after', jsonb_build_object('ended_by', p_by),
      'request_id', p_request_id)));
end
$$;
comment on function app.close_operator_entry(public.operator_entries, text, uuid, text, text) is
  'Ends an entry, and tells the workspace''s audit log and events. Only doors may call it.';

create function app.leave_operator_entry(p_id uuid, p_request_id text) returns setof public.operator_entries
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_entry public.operator_entries;
begin
  select * into v_entry from public.operator_entries e where e.id = p_id and e.operator_id = app.require_operator() for update;
  if v_entry.id is null then
    return;
  end if;
  if v_entry.ended_at is not null or v_entry.expires_at <= clock_timestamp() then
    raise exception 'the entry has ended' using errcode = 'FN084';
  end if;
  perform app.close_operator_entry(v_entry, 'OPERATOR', v_entry.operator_id, 'operator.leave', p_request_id);
  return query select * from public.operator_entries e where e.workspace_id = v_entry.workspace_id and e.id = v_entry.id;
end
$$;
comment on function app.leave_operator_entry(uuid, text) is
  'Door: an operator ends an entry of their own; no row where it is none of theirs. Sees across tenants because an operator belongs to none.';

create function app.end_operator_entry(p_id uuid) returns setof public.operator_entries
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_entry public.operator_entries;
begin
  if not app.can('workspace:own') then
    raise exception 'this is for owners' using errcode = '42501';
  end if;
  select * into v_entry from public.operator_entries e where e.workspace_id = app.workspace_id() and e.id = p_id for update;
  if v_entry.id is null then
    return;
  end if;
  if v_entry.ended_at is not null or v_entry.expires_at <= clock_timestamp() then
    raise exception 'the entry has ended' using errcode = 'FN084';
  end if;
  return query update public.operator_entries e set ended_at = clock_timestamp(), ended_by = 'OWNER'
    where e.workspace_id = v_entry.workspace_id and e.id = v_entry.id returning e.*;
end
$$;
comment on function app.end_operator_entry(uuid) is
  'Door: an owner of the context''s workspace ends an operator''s entry into it; no row where it is none of the workspace''s. Privileged because only doors change entries.';

create function app.revoke_operator(p_id uuid) returns boolean
language plpgsql set search_path = '' as $$
declare
  v_entry public.operator_entries;
begin
  update public.operators o set revoked_at = clock_timestamp() where o.id = p_id and o.revoked_at is null;
  if not found then
    return false;
  end if;
  for v_entry in
    select * from public.operator_entries e
    where e.operator_id = p_id and e.ended_at is null and e.expires_at > clock_timestamp()
    order by e.workspace_id for update
  loop
    perform app.close_operator_entry(v_entry, 'SYSTEM', null, 'operator.leave', 'command');
  end loop;
  return true;
end
$$;
comment on function app.revoke_operator(uuid) is
  'For the command line: revokes an operator and ends their entries, each told to its workspace; false where there is none to revoke.';

revoke execute on function app.enter_operator(bytea, uuid, text), app.note_operator_use(bytea), app.require_operator(),
  app.start_operator_entry(uuid, uuid, text, text, integer, text), app.close_operator_entry(public.operator_entries, text, uuid, text, text),
  app.leave_operator_entry(uuid, text), app.end_operator_entry(uuid), app.revoke_operator(uuid) from public;
grant execute on function app.enter_operator(bytea, uuid, text), app.note_operator_use(bytea),
  app.start_operator_entry(uuid, uuid, text, text, integer, text), app.leave_operator_entry(uuid, text), app.end_operator_entry(uuid)
  to footnote_app;
alter function app.enter_operator(bytea, uuid, text) owner to footnote_system;
alter function app.note_operator_use(bytea) owner to footnote_system;
alter function app.require_operator() owner to footnote_system;
alter function app.start_operator_entry(uuid, uuid, text, text, integer, text) owner to footnote_system;
alter function app.close_operator_entry(public.operator_entries, text, uuid, text, text) owner to footnote_system;
alter function app.leave_operator_entry(uuid, text) owner to footnote_system;
alter function app.end_operator_entry(uuid) owner to footnote_system;
alter function app.revoke_operator(uuid) owner to footnote_system;
