alter table public.users add column erased_at timestamptz;
comment on column public.users.erased_at is
  'When the account was deleted; null while there is one. The row stays for what refers to it, and says nothing of the person. Only doors see it.';
grant delete on public.sessions, public.identities to footnote_system;

create function app.refuse_erased() returns trigger language plpgsql set search_path = '' as $$
begin
  -- Waits for an erasure that is under way.
  perform 1 from public.users u where u.id = new.user_id and u.erased_at is null for share;
  if not found then
    raise exception 'the account is gone' using errcode = 'FN001';
  end if;
  return new;
end
$$;
comment on function app.refuse_erased() is 'Trigger: who was erased stays so; nothing by which they would come in again is made.';
create trigger refuse_erased before insert on public.credentials for each row execute function app.refuse_erased();
create trigger refuse_erased before insert on public.sessions for each row execute function app.refuse_erased();
create trigger refuse_erased before insert on public.identities for each row execute function app.refuse_erased();
create trigger refuse_erased before insert on public.memberships for each row execute function app.refuse_erased();

create function app.erase_person(p_user uuid, p_actor uuid, p_kind text, p_request text) returns text[]
language plpgsql set search_path = '' as $$
declare
  v_email text;
  v_slugs text[];
  v_member record;
begin
  -- What signs in and what refreshes lock first, in their order; memberships before the rows that number entries.
  perform 1 from public.credentials c where c.user_id = p_user for update;
  select case when u.email_verified_at is not null then u.email end into v_email
  from public.users u where u.id = p_user and u.erased_at is null for no key update;
  if not found then
    raise exception 'the account is gone' using errcode = 'FN001';
  end if;
  perform 1 from public.memberships m where m.user_id = p_user order by m.workspace_id for update;
  select array_agg(w.slug order by w.slug) into v_slugs
  from public.memberships m
  join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
  join public.workspaces w on w.id = m.workspace_id
  where m.user_id = p_user and m.status = 'ACTIVE' and r.built_in = 'OWNER' and not exists (
    select from public.memberships o join public.roles q on q.workspace_id = o.workspace_id and q.id = o.role_id
    where o.workspace_id = m.workspace_id and o.user_id <> p_user and o.status = 'ACTIVE' and q.built_in = 'OWNER');
  if v_slugs is not null then
    return v_slugs;
  end if;
  for v_member in
    select m.workspace_id, m.id, m.status, r.name as role
    from public.memberships m join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
    where m.user_id = p_user and m.status <> 'REMOVED' order by m.workspace_id
  loop
    update public.memberships m set status = 'REMOVED', version = m.version + 1, updated_at = clock_timestamp()
    where m.workspace_id = v_member.workspace_id and m.id = v_member.id;
    perform app.extend_chain(v_member.workspace_id, p_actor, p_kind, case when p_actor is not null then v_member.role end,
      jsonb_build_array(jsonb_build_object('id', app.uuid_v7(), 'type', 'membership.removed', 'correlation_id', p_request,
        'subject', app.type_id('membership', v_member.id), 'data', jsonb_build_object('user_id', app.type_id('user', p_user)))),
      jsonb_build_array(jsonb_build_object('id', app.uuid_v7(), 'action', 'person.erase', 'request_id', p_request,
        'targets', jsonb_build_array(app.type_id('membership', v_member.id), app.type_id('user', p_user)),
        'before', jsonb_build_object('status', v_member.status), 'after', jsonb_build_object('status', 'REMOVED'))));
  end loop;
  delete from public.credentials c where c.user_id = p_user;
  perform 1 from public.sessions s where s.user_id = p_user for update;
  delete from public.refresh_tokens t using public.sessions s where s.id = t.session_id and s.user_id = p_user;
  delete from public.sessions s where s.user_id = p_user;
  delete from public.identities i where i.user_id = p_user;
  delete from public.outgoing_mails o where o.user_id = p_user
    or (o.user_id is null and o.address = v_email and o.status in ('SENT', 'DEAD'));
  -- Who was invited is over, but for what still waits: that is an offer of a workspace to whoever reads the address.
  update public.invitations i set email = 'deleted@account.invalid' where i.email = v_email and i.status <> 'PENDING';
  delete from public.account_links l where l.user_id = p_user;
  delete from public.idempotency_records i using public.memberships m
  where m.user_id = p_user and i.workspace_id = m.workspace_id and i.actor_id = p_user;
  delete from public.account_idempotency_records i where i.owner = sha256(convert_to('user ' || p_user, 'UTF8'));
  update public.users u set email = null, name = 'Deleted account', email_verified_at = null, erased_at = clock_timestamp()
  where u.id = p_user;
  return '{}';
end
$$;
comment on function app.erase_person(uuid, uuid, text, text) is
  'Ends a person''s memberships, removes all by which they came in, and leaves a row without a name for what refers to it. Answers the slugs of workspaces whose last active OWNER they are, and does nothing then. For doors and the command line.';

create function app.begin_erasure(p_counter bytea, p_session uuid)
returns table (retry_after_ms integer, email text, password_hash text, version integer, recent boolean)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
declare
  v_user uuid := app.require_person();
  v_wait integer := app.count_attempt('ACCOUNT_FROM_ADDRESS', p_counter, 5, 900000);
begin
  if v_wait > 0 then
    return query select v_wait, null::text, null::text, null::integer, null::boolean;
    return;
  end if;
  return query
    select 0, u.email, c.password_hash, c.version, exists (
      select from public.sessions s where s.id = p_session and s.user_id = u.id and s.created_at > clock_timestamp() - interval '5 minutes')
    from public.users u left join public.credentials c on c.user_id = u.id where u.id = v_user;
end
$$;
comment on function app.begin_erasure(bytea, uuid) is
  'Door: counts an attempt of the context''s person to delete the account, and shows the hash to compare with, and whether the session is young. Privileged because credentials are for doors alone.';

create function app.erase_own_account(p_version integer, p_request text, p_counter bytea, p_account bytea, p_both bytea, p_key_owner bytea)
returns table (outcome text, workspaces text[])
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_user uuid := app.require_person();
  v_version integer;
  v_slugs text[];
begin
  select c.version into v_version from public.credentials c where c.user_id = v_user for update;
  if v_version is distinct from p_version then
    return query select 'CHANGED', '{}'::text[];
    return;
  end if;
  v_slugs := app.erase_person(v_user, v_user, 'USER', p_request);
  if v_slugs <> '{}' then
    return query select 'OWNER', v_slugs;
    return;
  end if;
  delete from public.sign_in_attempts a
  where (a.scope = 'ACCOUNT_FROM_ADDRESS' and a.subject in (p_counter, p_both)) or (a.scope = 'ACCOUNT' and a.subject = p_account)
    or (a.scope = 'KNOWN' and a.subject = p_both);
  delete from public.account_idempotency_records i where i.owner = p_key_owner;
  return query select 'ERASED', '{}'::text[];
end
$$;
comment on function app.erase_own_account(integer, text, bytea, bytea, bytea, bytea) is
  'Door: deletes the account of the context''s person, whose password has still this version; or says that it was changed, or of which workspaces they are the last active OWNER. Sees across tenants because a person belongs to several.';

revoke execute on function app.refuse_erased(), app.erase_person(uuid, uuid, text, text), app.begin_erasure(bytea, uuid),
  app.erase_own_account(integer, text, bytea, bytea, bytea, bytea) from public;
grant execute on function app.begin_erasure(bytea, uuid), app.erase_own_account(integer, text, bytea, bytea, bytea, bytea) to footnote_app;
alter function app.erase_person(uuid, uuid, text, text) owner to footnote_system;
alter function app.begin_erasure(bytea, uuid) owner to footnote_system;
alter function app.erase_own_account(integer, text, bytea, bytea, bytea, bytea) owner to footnote_system;
