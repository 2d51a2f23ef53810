create function app.permissions_of_role(p_workspace uuid, p_role uuid) returns text[]
language sql stable security definer set search_path = ''
begin atomic
  select case when r.built_in is null then r.permissions else coalesce((
    select array_agg(b.permission order by b.permission) from public.role_permissions b where b.role = r.built_in), '{}') end
  from public.roles r where r.workspace_id = p_workspace and r.id = p_role
    -- Nobody learns of another workspace's.
    and r.workspace_id = app.workspace_id();
end;
comment on function app.permissions_of_role(uuid, uuid) is
  'Door of triggers: what a role of the context''s workspace may do. Privileged because whoever changes a membership may not see roles.';

create function app.refuse_ungranted(p_permissions text[]) returns void language plpgsql stable set search_path = '' as $$
begin
  if exists (select from unnest(p_permissions) as wanted where not app.can(wanted)) then
    raise exception 'nobody grants, or takes, what they do not have' using errcode = 'FN040';
  end if;
end
$$;
comment on function app.refuse_ungranted(text[]) is 'Refuses permissions that the context does not have.';

-- The guards bind the application. Doors, which make members by rules of their own, and the command line are not its roles.
create function app.guard_membership() returns trigger language plpgsql set search_path = '' as $$
begin
  if current_user not in ('footnote_app', 'footnote_worker') then
    return new;
  end if;
  if new.status <> old.status and (old.status, new.status) not in (
      ('ACTIVE', 'SUSPENDED'), ('SUSPENDED', 'ACTIVE'), ('ACTIVE', 'REMOVED'), ('SUSPENDED', 'REMOVED')) then
    raise exception 'a membership cannot move from % to %', old.status, new.status using errcode = 'FN042';
  end if;
  -- Whoever has no say over members may leave, as a person; a key does not take its maker away.
  if not app.can('member:write') then
    if new.user_id = app.actor_id() and app.api_key_id() is null and new.status = 'REMOVED' and new.role_id = old.role_id then
      return new;
    end if;
    raise exception 'only one''s own membership can be ended' using errcode = '42501';
  end if;
  if new.user_id is distinct from app.actor_id() or new.role_id <> old.role_id then
    perform app.refuse_ungranted(app.permissions_of_role(old.workspace_id, old.role_id));
  end if;
  if new.role_id <> old.role_id then
    perform app.refuse_ungranted(app.permissions_of_role(new.workspace_id, new.role_id));
  end if;
  return new;
end
$$;
comment on function app.guard_membership() is
  'Trigger: the states of a membership; nobody changes the membership of somebody who may do more, or gives a role that may.';
create trigger guard_membership before update on public.memberships for each row execute function app.guard_membership();
create policy can_update on public.memberships for update to footnote_app, footnote_worker
  using ((select app.can('member:write')) or user_id = (select app.actor_id()))
  with check ((select app.can('member:write')) or user_id = (select app.actor_id()));
-- Whoever leaves sees their own membership for it.
drop policy can_select on public.memberships;
create policy can_select on public.memberships for select to footnote_app, footnote_worker
  using ((select app.can('member:read')) or user_id = (select app.actor_id()));
grant update (role_id, status, version, updated_at) on public.memberships to footnote_app, footnote_worker;

create function app.guard_role() returns trigger language plpgsql set search_path = '' as $$
begin
  if current_user in ('footnote_app', 'footnote_worker') then
    if tg_op <> 'INSERT' then
      if old.built_in is not null then
        raise exception 'a built-in role is the same everywhere' using errcode = 'FN005';
      end if;
      perform app.refuse_ungranted(old.permissions);
    end if;
    if tg_op <> 'DELETE' then
      if new.built_in is not null then
        raise exception 'a built-in role is the same everywhere' using errcode = 'FN005';
      end if;
      perform app.refuse_ungranted(new.permissions);
    end if;
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end
$$;
comment on function app.guard_role() is 'Trigger: built-in roles stay as they are, and a role is given only what its maker has.';
create trigger guard_role before insert or update or delete on public.roles for each row execute function app.guard_role();
revoke update on public.roles from footnote_app, footnote_worker;
grant update (name, description, permissions, version, updated_at) on public.roles to footnote_app, footnote_worker;

create function app.guard_api_key() returns trigger language plpgsql set search_path = '' as $$
begin
  if current_user in ('footnote_app', 'footnote_worker') then
    if tg_op = 'INSERT' then
      if new.user_id is distinct from app.actor_id() then
        raise exception 'a key is made for oneself' using errcode = '42501';
      end if;
      perform app.refuse_ungranted(new.scopes);
    elsif old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
      raise exception 'what was revoked stays so' using errcode = 'FN005';
    end if;
  end if;
  return new;
end
$$;
comment on function app.guard_api_key() is 'Trigger: a key has at most the permissions of its maker, and stays revoked.';
create trigger guard_api_key before insert or update on public.api_keys for each row execute function app.guard_api_key();

create function app.is_last_owner(p_workspace uuid, p_membership uuid) returns boolean
language sql stable security definer set search_path = ''
begin atomic
  select exists (
      select from public.memberships m join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
      where m.workspace_id = app.workspace_id() and m.workspace_id = p_workspace and m.id = p_membership and m.status = 'ACTIVE'
        and r.built_in = 'OWNER')
    and not exists (
      select from public.memberships m join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
      where m.workspace_id = app.workspace_id() and m.id <> p_membership and m.status = 'ACTIVE' and r.built_in = 'OWNER');
end;
comment on function app.is_last_owner(uuid, uuid) is
  'Door: whether a membership of the context''s workspace is its last active OWNER''s. Privileged because whoever leaves may see no other.';

create function app.keep_owner() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  -- One at a time, after which the look below sees what the others have committed. Without a row the workspace itself is gone.
  perform 1 from public.workspace_sequences s where s.workspace_id = old.workspace_id for update;
  if found and not exists (
      select from public.memberships m join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
      where m.workspace_id = old.workspace_id and m.status = 'ACTIVE' and r.built_in = 'OWNER') then
    raise exception 'a workspace has an active owner' using errcode = 'FN041';
  end if;
  return null;
end
$$;
comment on function app.keep_owner() is
  'Trigger: at every commit a workspace has an active OWNER. Privileged because the caller may see only their own membership.';
create constraint trigger keep_owner after update or delete on public.memberships
  deferrable initially deferred for each row when (old.status = 'ACTIVE') execute function app.keep_owner();

create function app.require_audit() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  v_workspace uuid := case when tg_op = 'DELETE' then old.workspace_id else new.workspace_id end;
  v_head bigint;
begin
  select s.audit_seq into v_head from public.workspace_sequences s where s.workspace_id = v_workspace;
  -- The entries of this transaction are the last of the chain, since it holds the lock that numbers them. Without a row the workspace
  -- itself is gone.
  if found and not exists (
      select from public.audit_entries e
      where e.workspace_id = v_workspace and e.seq > v_head - 1000 and e.xmin = pg_current_xact_id()::xid
        and split_part(e.action, '.', 1) = any (tg_argv)) then
    raise exception 'a change of % needs an audit entry', tg_table_name using errcode = 'FN043';
  end if;
  return null;
end
$$;
comment on function app.require_audit() is
  'Trigger: what changes who may do what stands in the audit log of the same transaction. Privileged because the caller may not see the log.';
create constraint trigger require_audit after insert or update of role_id, status, user_id or delete on public.memberships
  deferrable initially deferred for each row
  execute function app.require_audit('membership', 'ownership', 'workspace', 'invitation', 'person', 'role');
create constraint trigger require_audit_insert after insert on public.roles
  deferrable initially deferred for each row when (new.built_in is null) execute function app.require_audit('role');
create constraint trigger require_audit after update or delete on public.roles
  deferrable initially deferred for each row execute function app.require_audit('role');
create constraint trigger require_audit after insert or update of name, user_id, hash, scopes, expires_at, revoked_at or delete on public.api_keys
  deferrable initially deferred for each row execute function app.require_audit('api_key');

revoke execute on function app.permissions_of_role(uuid, uuid), app.is_last_owner(uuid, uuid), app.refuse_ungranted(text[]), app.guard_membership(), app.guard_role(),
  app.guard_api_key(), app.keep_owner(), app.require_audit() from public;
grant execute on function app.permissions_of_role(uuid, uuid), app.is_last_owner(uuid, uuid), app.refuse_ungranted(text[]) to footnote_app, footnote_worker;
alter function app.permissions_of_role(uuid, uuid) owner to footnote_system;
alter function app.is_last_owner(uuid, uuid) owner to footnote_system;
alter function app.keep_owner() owner to footnote_system;
alter function app.require_audit() owner to footnote_system;
-- Later migrations, which run as the owner, attach it to other tables.
set local role footnote_system;
grant execute on function app.require_audit() to footnote_owner;
reset role;
