alter table public.users alter column email drop not null;
comment on column public.users.email is
  'Lower case; unique over all workspaces, so only doors write it. Null where the person came by an external issuer that vouches for no address.';

create table public.identities (
  id uuid primary key,
  key bytea not null constraint identities_key unique check (octet_length(key) = 32),
  issuer text not null check (length(issuer) between 1 and 255),
  subject text not null check (length(subject) between 1 and 255),
  user_id uuid not null references public.users (id),
  created_at timestamptz not null default now(),
  constraint identities_issuer_subject unique (issuer, subject)
);
-- Who a person is elsewhere, when they are looked at or leave.
create index identities_of_user on public.identities (user_id);
comment on table public.identities is 'A person as an external issuer knows them. Global: it stands before any workspace is chosen. Only doors see it.';
comment on column public.identities.id is 'UUID version 7, made by the application.';
comment on column public.identities.key is 'SHA-256 over the issuer, a zero byte and the subject: what the door looks up, because its message cannot bind texts.';
comment on column public.identities.issuer is 'The claim iss of its tokens.';
comment on column public.identities.subject is 'The claim sub of its tokens; another issuer''s same subject is somebody else.';
comment on column public.identities.user_id is 'Who it is here.';
comment on column public.identities.created_at is 'When the person first came.';
alter table public.identities enable row level security, force row level security;
create policy doors on public.identities to footnote_system using (true) with check (true);
grant select, insert on public.identities to footnote_system;
grant select on public.identities to footnote_maintenance;

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

create function app.admit_identity(p_id uuid, p_user uuid, p_issuer text, p_subject text, p_email text, p_name text) returns void
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_key bytea := sha256(convert_to(p_issuer, 'UTF8') || '\x00'::bytea || convert_to(p_subject, 'UTF8'));
  v_user uuid;
  v_email text := p_email;
begin
  -- Of several first requests of one person, one makes them known and the others wait for it.
  perform pg_advisory_xact_lock(('x' || encode(substr(v_key, 1, 8), 'hex'))::bit(64)::bigint);
  if exists (select from public.identities i where i.key = v_key) then
    return;
  end if;
  if v_email is not null then
    -- Only an address that its account has shown to be its own: one that somebody merely signed up with would let them in here.
    select u.id into v_user from public.users u where u.email = v_email and u.email_verified_at is not null;
    if v_user is null and exists (select from public.users u where u.email = v_email) then
      v_email := null;
    end if;
  end if;
  if v_user is null then
    insert into public.users (id, email, name, email_verified_at)
    values (p_user, v_email, coalesce(p_name, 'Unnamed'), case when v_email is not null then clock_timestamp() end)
    on conflict (email) do nothing;
    if not found then
      -- Somebody took the address in this moment.
      raise exception 'two made one person' using errcode = '40001';
    end if;
    v_user := p_user;
  end if;
  insert into public.identities (id, key, issuer, subject, user_id) values (p_id, v_key, p_issuer, p_subject, v_user);
end
$$;
comment on function app.admit_identity(uuid, uuid, text, text, text, text) is
  'Door: makes a person of an external issuer known, as themselves or as the account whose verified address the issuer vouches for. Sees across tenants because people are global.';

revoke execute on function app.enter_identity(bytea, uuid, text), app.admit_identity(uuid, uuid, text, text, text, text) from public;
grant execute on function app.enter_identity(bytea, uuid, text), app.admit_identity(uuid, uuid, text, text, text, text) to footnote_app;
alter function app.enter_identity(bytea, uuid, text) owner to footnote_system;
alter function app.admit_identity(uuid, uuid, text, text, text, text) owner to footnote_system;
