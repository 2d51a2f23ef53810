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

drop function app.enter_session(uuid, uuid, text);
drop function app.enter_identity(bytea, uuid, text);
drop function app.enter_nobody();
drop function app.enter_upload(bytea);
drop function app.enter_job(uuid, uuid, uuid);
drop function app.enter(uuid, uuid, text, text, text);

create function app.enter(p_workspace uuid, p_actor uuid, p_role text, p_permissions text, p_job uuid, p_api_key uuid, p_operator uuid)
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
    set_config('app.job_id', coalesce(p_job::text, ''), true),
    set_config('app.api_key_id', coalesce(p_api_key::text, ''), true),
    set_config('app.operator_id', coalesce(p_operator::text, ''), true);
end
$$;
comment on function app.enter(uuid, uuid, text, text, uuid, uuid, uuid) is 'Sets the context of a transaction, once. Only doors may call it.';

create function app.enter_person(p_user uuid, p_workspace uuid, p_slug text)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql set search_path = '' as $$
declare
  v_workspace uuid;
  v_role text;
  v_permissions text;
begin
  if p_workspace is not null or p_slug is not null then
    select w.id, p.role, p.permissions into v_workspace, v_role, v_permissions
    from public.workspaces w cross join lateral app.permissions_of(w.id, p_user, null) p
    where w.id = p_workspace or w.slug = p_slug;
    if v_workspace is null then
      raise exception 'no such workspace' using errcode = 'FN002';
    end if;
  end if;
  perform app.enter(v_workspace, p_user, v_role, v_permissions, null, null, null);
  return query select v_workspace, p_user, v_role, v_permissions;
end
$$;
comment on function app.enter_person(uuid, uuid, text) is 'Sets the context of a person, in one of their workspaces or in none. Only doors may call it.';

create function app.enter_session(p_session uuid, p_workspace uuid, p_slug text)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid;
begin
  select s.user_id into v_user from public.sessions s
  where s.id = p_session and s.revoked_at is null and s.expires_at > now();
  if v_user is null then
    raise exception 'no such session' using errcode = 'FN001';
  end if;
  return query select * from app.enter_person(v_user, p_workspace, p_slug);
end
$$;
comment on function app.enter_session(uuid, uuid, text) is
  'Door: lets a live session into one of its user''s workspaces, or into none. Sees across tenants because the tenant is not known before it.';

create function app.enter_identity(p_key bytea, p_workspace uuid, p_slug text)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid;
begin
  select i.user_id into v_user from public.identities i where i.key = p_key;
  if v_user is null then
    raise exception 'no such identity' using errcode = 'FN008';
  end if;
  return query select * from app.enter_person(v_user, p_workspace, p_slug);
end
$$;
comment on function app.enter_identity(bytea, uuid, text) is
  'Door: lets a person of an external issuer, whose token was verified, into one of their workspaces, or into none. Sees across tenants because the tenant is not known before it.';

create function app.enter_nobody() returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
begin
  perform app.enter(null, null, null, null, null, null, null);
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
  select p.role, p.permissions into v_role, v_permissions
  from app.permissions_of(v_upload.workspace_id, v_upload.actor_id, v_upload.api_key_id) p;
  -- One answer for what never was, has expired, was withdrawn, or is not theirs any more.
  if not coalesce('document:write' = any (string_to_array(v_permissions, ',')), false) then
    raise exception 'no such upload' using errcode = 'FN030';
  end if;
  perform app.enter(v_upload.workspace_id, v_upload.actor_id, v_role, v_permissions, null, v_upload.api_key_id, null);
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

create function app.enter_key(p_hash bytea, p_workspace uuid, p_slug text)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text, api_key_id uuid)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  v_key public.api_keys;
  v_role text;
  v_permissions text;
begin
  select * into v_key from public.api_keys k where k.hash = p_hash;
  -- Why it failed is for the log alone: the codes are one answer to a client.
  if v_key.id is null then
    raise exception 'no such key' using errcode = 'FN050';
  elsif v_key.revoked_at is not null then
    raise exception 'the key was revoked' using errcode = 'FN051';
  elsif v_key.expires_at <= clock_timestamp() then
    raise exception 'the key has expired' using errcode = 'FN052';
  end if;
  select p.role, p.permissions into v_role, v_permissions
  from app.permissions_of(v_key.workspace_id, v_key.user_id, v_key.id) p;
  if not found then
    raise exception 'the maker of the key is no active member' using errcode = 'FN053';
  end if;
  -- A key implies its workspace; naming another one is naming none.
  if not exists (select from public.workspaces w where w.id = v_key.workspace_id
      and (p_workspace is null or w.id = p_workspace) and (p_slug is null or w.slug = p_slug)) then
    raise exception 'no such workspace' using errcode = 'FN002';
  end if;
  perform app.enter(v_key.workspace_id, v_key.user_id, v_role, v_permissions, null, v_key.id, null);
  return query select v_key.workspace_id, v_key.user_id, v_role, v_permissions, v_key.id;
end
$$;
comment on function app.enter_key(bytea, uuid, text) is
  'Door: lets a live API key into its workspace, with the scopes that its maker still has. Sees across tenants because the key is all that is known.';

create function app.workspaces_of_actor()
returns table (id uuid, slug text, name text, version integer, created_at timestamptz, updated_at timestamptz, role text, purge_at timestamptz)
language sql stable security definer set search_path = ''
begin atomic
  select w.id, w.slug, w.name, w.version, w.created_at, w.updated_at, r.name, w.purge_at
  from public.memberships m join public.workspaces w on w.id = m.workspace_id
  join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
  where m.user_id = app.actor_id() and m.status = 'ACTIVE'
    -- A key knows of its own workspace alone.
    and (app.api_key_id() is null or m.workspace_id = app.workspace_id())
  order by w.slug;
end;
comment on function app.workspaces_of_actor() is
  'Door: the workspaces of the context''s own user. Sees across tenants because a user belongs to several.';

drop function app.found_workspace(uuid, text, text, uuid, integer);
create function app.found_workspace(p_id uuid, p_slug text, p_name text, p_membership uuid, p_most integer)
returns table (id uuid, slug text, name text, version integer, created_at timestamptz, updated_at timestamptz, role text, permissions text)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
declare
  v_actor uuid := app.actor_id();
  v_role text;
  v_permissions text;
begin
  if v_actor is null or app.workspace_id() is not null or app.in_job() then
    raise exception 'only a person outside any workspace founds one' using errcode = 'FN003';
  end if;
  -- One at a time, or two at once would each see room for the last one.
  perform 1 from public.users u where u.id = v_actor for update;
  if (select count(*) from public.memberships m join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
      where m.user_id = v_actor and r.built_in = 'OWNER' and m.status = 'ACTIVE') >= p_most then
    raise exception 'no more workspaces' using errcode = 'FN007';
  end if;
  insert into public.workspaces (id, slug, name) values (p_id, p_slug, p_name);
  insert into public.workspace_sequences (workspace_id) values (p_id);
  insert into public.memberships (workspace_id, id, user_id, role_id)
  select p_id, p_membership, v_actor, r.id from public.roles r where r.workspace_id = p_id and r.built_in = 'OWNER';
  select p.role, p.permissions into v_role, v_permissions from app.permissions_of(p_id, v_actor, null) p;
  -- The context moves from no workspace into the one that did not exist before: nothing of another tenant can have been seen in it.
  perform set_config('app.workspace_id', p_id::text, true), set_config('app.role', v_role, true),
    set_config('app.permissions', coalesce(v_permissions, ''), true);
  return query select w.id, w.slug, w.name, w.version, w.created_at, w.updated_at, v_role, v_permissions
    from public.workspaces w where w.id = p_id;
end
$$;
comment on function app.found_workspace(uuid, text, text, uuid, integer) is
  'Door: makes a workspace whose owner is the context''s person, and enters it. Privileged because a tenant is made; refuses a context that is in a workspace.';

revoke execute on function app.permissions_of(uuid, uuid, uuid), app.enter(uuid, uuid, text, text, uuid, uuid, uuid),
  app.enter_person(uuid, uuid, text), app.enter_session(uuid, uuid, text), app.enter_identity(bytea, uuid, text), app.enter_nobody(),
  app.enter_upload(bytea), app.enter_job(uuid, uuid, uuid), app.enter_key(bytea, uuid, text), app.workspaces_of_actor(),
  app.found_workspace(uuid, text, text, uuid, integer) from public;
grant execute on function app.enter_session(uuid, uuid, text), app.workspaces_of_actor() to footnote_app, footnote_worker;
grant execute on function app.enter_identity(bytea, uuid, text), app.enter_nobody(), app.enter_upload(bytea), app.enter_key(bytea, uuid, text),
  app.found_workspace(uuid, text, text, uuid, integer) to footnote_app;
grant execute on function app.enter_job(uuid, uuid, uuid) to footnote_worker;
alter function app.permissions_of(uuid, uuid, uuid) owner to footnote_system;
alter function app.enter(uuid, uuid, text, text, uuid, uuid, uuid) owner to footnote_system;
alter function app.enter_person(uuid, uuid, text) owner to footnote_system;
alter function app.enter_session(uuid, uuid, text) owner to footnote_system;
alter function app.enter_identity(bytea, uuid, text) owner to footnote_system;
alter function app.enter_nobody() owner to footnote_system;
alter function app.enter_upload(bytea) owner to footnote_system;
alter function app.enter_job(uuid, uuid, uuid) owner to footnote_system;
alter function app.enter_key(bytea, uuid, text) owner to footnote_system;
alter function app.workspaces_of_actor() owner to footnote_system;
alter function app.found_workspace(uuid, text, text, uuid, integer) owner to footnote_system;
