drop function app.found_workspace(uuid, text, text, uuid, integer);
drop function app.workspaces_of_actor();
drop function app.enter_key(bytea, uuid, text);
drop function app.enter_job(uuid, uuid, uuid);
drop function app.enter_upload(bytea);
drop function app.enter_nobody();
drop function app.enter_identity(bytea, uuid, text);
drop function app.enter_session(uuid, uuid, text);
drop function app.enter_person(uuid, uuid, text);
drop function app.enter(uuid, uuid, text, text, uuid, uuid, uuid);
drop function app.permissions_of(uuid, uuid, uuid);

alter table public.memberships no force row level security;
alter table public.roles no force row level security;
alter table public.memberships drop constraint memberships_role;
drop index public.memberships_of_role;
create function app.role_named(p_workspace uuid, p_id uuid) returns text language sql stable set search_path = ''
return (select coalesce(r.built_in, 'VIEWER') from public.roles r where r.workspace_id = p_workspace and r.id = p_id);
alter table public.memberships alter column role_id type text using app.role_named(workspace_id, role_id);
drop function app.role_named(uuid, uuid);
alter table public.memberships rename column role_id to role;
alter table public.memberships force row level security;

create function app.enter(p_workspace uuid, p_actor uuid, p_role text, p_permissions text, p_job text)
returns void language plpgsql set search_path = '' as $$
begin
  -- A second context in one transaction would let the first one's rows meet the second one's.
  if nullif(current_setting('app.entered', true), '') is not null then
    raise exception 'a context is already set' using errcode = 'FN003';
  end if;
  perform set_config('app.entered', '1', true),
    set_config('app.workspace_id', coalesce(p_workspace::text, ''), true),
    set_config('app.actor_id', coalesce(p_actor::text, ''), true),
    set_config('app.role', coalesce(p_role, ''), true),
    set_config('app.permissions', coalesce(p_permissions, ''), true),
    set_config('app.job_id', coalesce(p_job, ''), true);
end
$$;
comment on function app.enter(uuid, uuid, text, text, text) is 'Sets the context of a transaction, once. Only doors may call it.';


create function app.enter_session(p_session uuid, p_workspace uuid, p_slug text)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid;
  v_workspace uuid;
  v_role text;
  v_permissions text;
begin
  select s.user_id into v_user from public.sessions s
  where s.id = p_session and s.revoked_at is null and s.expires_at > now();
  if v_user is null then
    raise exception 'no such session' using errcode = 'FN001';
  end if;
  if p_workspace is not null or p_slug is not null then
    select m.workspace_id, m.role into v_workspace, v_role
    from public.workspaces w
    join public.memberships m on m.workspace_id = w.id and m.user_id = v_user and m.status = 'ACTIVE'
    where w.id = p_workspace or w.slug = p_slug;
    if v_workspace is null then
      raise exception 'no such workspace' using errcode = 'FN002';
    end if;
    select string_agg(p.permission, ',' order by p.permission) into v_permissions
    from public.role_permissions p where p.role = v_role;
  end if;
  perform app.enter(v_workspace, v_user, v_role, v_permissions, null);
  return query select v_workspace, v_user, v_role, v_permissions;
end
$$;
comment on function app.enter_session(uuid, uuid, text) is
  'Door: lets a live session into one of its user''s workspaces, or into none. Sees across tenants because the tenant is not known before it.';


create function app.workspaces_of_actor()
returns table (id uuid, slug text, name text, version integer, created_at timestamptz, updated_at timestamptz, role text)
language sql stable security definer set search_path = ''
begin atomic
  select w.id, w.slug, w.name, w.version, w.created_at, w.updated_at, m.role
  from public.memberships m join public.workspaces w on w.id = m.workspace_id
  where m.user_id = app.actor_id() and m.status = 'ACTIVE'
  order by w.slug;
end;
comment on function app.workspaces_of_actor() is
  'Door: the workspaces of the context''s own user. Sees across tenants because a user belongs to several.';


create function app.enter_identity(p_key bytea, p_workspace uuid, p_slug text)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid;
  v_workspace uuid;
  v_role text;
  v_permissions text;
begin
  select i.user_id into v_user from public.identities i where i.key = p_key;
  if v_user is null then
    raise exception 'no such identity' using errcode = 'FN008';
  end if;
  if p_workspace is not null or p_slug is not null then
    select m.workspace_id, m.role into v_workspace, v_role
    from public.workspaces w
    join public.memberships m on m.workspace_id = w.id and m.user_id = v_user and m.status = 'ACTIVE'
    where w.id = p_workspace or w.slug = p_slug;
    if v_workspace is null then
      raise exception 'no such workspace' using errcode = 'FN002';
    end if;
    select string_agg(p.permission, ',' order by p.permission) into v_permissions
    from public.role_permissions p where p.role = v_role;
  end if;
  perform app.enter(v_workspace, v_user, v_role, v_permissions, null);
  return query select v_workspace, v_user, v_role, v_permissions;
end
$$;
comment on function app.enter_identity(bytea, uuid, text) is
  'Door: lets a person of an external issuer, whose token was verified, into one of their workspaces, or into none. Sees across tenants because the tenant is not known before it.';


create function app.enter_nobody() returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
begin
  perform app.enter(null, null, null, null, null);
  return query select null::uuid, null::uuid, null::text, null::text;
end
$$;
comment on function app.enter_nobody() is
  'Door: the context of somebody who is not signed in, in which policies show nothing. Privileged because only doors may set a context.';


create function app.enter_upload(p_token_hash bytea)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_upload public.uploads;
  v_role text;
  v_permissions text;
begin
  select * into v_upload from public.uploads u
  where u.token_hash = p_token_hash and u.expires_at > clock_timestamp() and u.status in ('PENDING', 'STORED');
  -- The permissions of whoever asked for it as they are now, not as they were.
  select m.role into v_role from public.memberships m
  where m.workspace_id = v_upload.workspace_id and m.user_id = v_upload.actor_id and m.status = 'ACTIVE';
  select string_agg(p.permission, ',' order by p.permission) into v_permissions
  from public.role_permissions p where p.role = v_role;
  -- One answer for what never was, has expired, was withdrawn, or is not theirs any more.
  if not coalesce('document:write' = any (string_to_array(v_permissions, ',')), false) then
    raise exception 'no such upload' using errcode = 'FN030';
  end if;
  perform app.enter(v_upload.workspace_id, v_upload.actor_id, v_role, v_permissions, null);
  return query select v_upload.workspace_id, v_upload.actor_id, v_role, v_permissions;
end
$$;
comment on function app.enter_upload(bytea) is
  'Door: lets the holder of an upload''s token act as whoever asked for it, with the permissions of now. Sees across tenants because the token is all that is known.';


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


create function app.found_workspace(p_id uuid, p_slug text, p_name text, p_membership uuid, p_most integer)
returns table (id uuid, slug text, name text, version integer, created_at timestamptz, updated_at timestamptz, role text, permissions text)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
declare
  v_actor uuid := app.actor_id();
  v_permissions text;
begin
  if v_actor is null or app.workspace_id() is not null or app.in_job() then
    raise exception 'only a person outside any workspace founds one' using errcode = 'FN003';
  end if;
  -- One at a time, or two at once would each see room for the last one.
  perform 1 from public.users u where u.id = v_actor for update;
  if (select count(*) from public.memberships m where m.user_id = v_actor and m.role = 'OWNER' and m.status = 'ACTIVE') >= p_most then
    raise exception 'no more workspaces' using errcode = 'FN007';
  end if;
  insert into public.workspaces (id, slug, name) values (p_id, p_slug, p_name);
  insert into public.workspace_sequences (workspace_id) values (p_id);
  insert into public.memberships (workspace_id, id, user_id, role) values (p_id, p_membership, v_actor, 'OWNER');
  select string_agg(p.permission, ',' order by p.permission) into v_permissions from public.role_permissions p where p.role = 'OWNER';
  -- The context moves from no workspace into the one that did not exist before: nothing of another tenant can have been seen in it.
  perform set_config('app.workspace_id', p_id::text, true), set_config('app.role', 'OWNER', true),
    set_config('app.permissions', coalesce(v_permissions, ''), true);
  return query select w.id, w.slug, w.name, w.version, w.created_at, w.updated_at, 'OWNER', v_permissions
    from public.workspaces w where w.id = p_id;
end
$$;
comment on function app.found_workspace(uuid, text, text, uuid, integer) is
  'Door: makes a workspace whose owner is the context''s person, and enters it. Privileged because a tenant is made; refuses a context that is in a workspace.';


revoke execute on function app.enter(uuid, uuid, text, text, text), app.enter_session(uuid, uuid, text), app.enter_identity(bytea, uuid, text),
  app.enter_nobody(), app.enter_upload(bytea), app.enter_job(uuid, uuid, uuid), app.workspaces_of_actor(),
  app.found_workspace(uuid, text, text, uuid, integer) from public;
grant execute on function app.enter_session(uuid, uuid, text), app.workspaces_of_actor() to footnote_app, footnote_worker;
grant execute on function app.enter_identity(bytea, uuid, text), app.enter_nobody(), app.enter_upload(bytea),
  app.found_workspace(uuid, text, text, uuid, integer) to footnote_app;
grant execute on function app.enter_job(uuid, uuid, uuid) to footnote_worker;
alter function app.enter(uuid, uuid, text, text, text) owner to footnote_system;
alter function app.enter_session(uuid, uuid, text) owner to footnote_system;
alter function app.enter_identity(bytea, uuid, text) owner to footnote_system;
alter function app.enter_nobody() owner to footnote_system;
alter function app.enter_upload(bytea) owner to footnote_system;
alter function app.enter_job(uuid, uuid, uuid) owner to footnote_system;
alter function app.workspaces_of_actor() owner to footnote_system;
alter function app.found_workspace(uuid, text, text, uuid, integer) owner to footnote_system;
