-- Co-members see each other, for as long as they are members; the condition reads memberships under the reader's own policies.
create policy visible_users on public.users for select to footnote_app, footnote_worker
  using (id = (select app.actor_id())
    or exists (select from public.memberships m
               where m.workspace_id = (select app.workspace_id()) and m.user_id = users.id
                 and m.status in ('ACTIVE', 'SUSPENDED')));

-- Sets the context. Not a door: only the doors call it, after they have checked.
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

create function app.create_user(p_id uuid, p_email text, p_name text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
begin
  insert into public.users (id, email, name) values (p_id, lower(p_email), p_name)
  on conflict (email) do update set name = excluded.name returning id into v_id;
  return v_id;
end
$$;
comment on function app.create_user(uuid, text, text) is
  'Door for the command line: makes a person, or finds it by address. Sees across tenants because people are global.';

create function app.create_workspace(p_id uuid, p_slug text, p_name text, p_owner uuid, p_role text, p_membership uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
begin
  insert into public.workspaces (id, slug, name) values (p_id, p_slug, p_name)
  on conflict (slug) do update set name = excluded.name returning id into v_id;
  insert into public.workspace_sequences (workspace_id) values (v_id) on conflict do nothing;
  insert into public.memberships (workspace_id, id, user_id, role) values (v_id, p_membership, p_owner, p_role)
  on conflict (workspace_id, user_id) do nothing;
  return v_id;
end
$$;
comment on function app.create_workspace(uuid, text, text, uuid, text, uuid) is
  'Door for the command line: makes a workspace, or finds it by slug, and a membership in it. Sees across tenants because it makes one.';

create function app.open_session(p_id uuid, p_user uuid, p_expires_at timestamptz) returns void
language sql security definer set search_path = ''
begin atomic
  insert into public.sessions (id, user_id, expires_at) values (p_id, p_user, p_expires_at);
end;
comment on function app.open_session(uuid, uuid, timestamptz) is
  'Door for the command line: opens a session for a person. Sees across tenants because a session stands before any.';

-- Rights first, then the hand-over: only a function's owner may change them.
revoke execute on function app.enter(uuid, uuid, text, text, text), app.enter_session(uuid, uuid, text), app.workspaces_of_actor(),
  app.create_user(uuid, text, text), app.create_workspace(uuid, text, text, uuid, text, uuid), app.open_session(uuid, uuid, timestamptz)
  from public;
-- The command line makes people, workspaces and sessions: as the owner, which may become footnote_system (SET ROLE).
grant execute on function app.enter_session(uuid, uuid, text), app.workspaces_of_actor() to footnote_app, footnote_worker;
alter function app.enter(uuid, uuid, text, text, text) owner to footnote_system;
alter function app.enter_session(uuid, uuid, text) owner to footnote_system;
alter function app.workspaces_of_actor() owner to footnote_system;
alter function app.create_user(uuid, text, text) owner to footnote_system;
alter function app.create_workspace(uuid, text, text, uuid, text, uuid) owner to footnote_system;
alter function app.open_session(uuid, uuid, timestamptz) owner to footnote_system;
