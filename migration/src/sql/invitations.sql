-- One invitation for an address at a time.
create unique index invitations_pending on public.invitations (workspace_id, email) where status = 'PENDING';
-- `invitations(filter: {status})`, newest first, and how many are pending.
create index invitations_by_status on public.invitations (workspace_id, status, id);
-- How many mails the workspace sent lately.
create index invitations_sent on public.invitations (workspace_id, sent_at);
-- Whether a role is in use, when it is deleted.
create index invitations_of_role on public.invitations (workspace_id, role_id);
create index invitation_tokens_of_invitation on public.invitation_tokens (workspace_id, invitation_id);
-- app.accept_invitation. Not unique: a unique key over all tenants would tell them of each other.
create index invitation_tokens_by_hash on public.invitation_tokens (hash);
-- What an invitation is, is never changed: it is withdrawn, and made again.
revoke update on public.invitations from footnote_app, footnote_worker;
grant update (status, version, updated_at) on public.invitations to footnote_app, footnote_worker;

create function app.guard_invitation() returns trigger language plpgsql set search_path = '' as $$
begin
  if current_user in ('footnote_app', 'footnote_worker') then
    if tg_op = 'INSERT' then
      if new.status <> 'PENDING' or new.invited_by is distinct from app.actor_id() or new.api_key_id is distinct from app.api_key_id() then
        raise exception 'an invitation is made in one''s own name' using errcode = '42501';
      end if;
      perform app.refuse_ungranted(app.permissions_of_role(new.workspace_id, new.role_id));
    elsif new.status <> old.status and (old.status <> 'PENDING' or new.status not in ('REVOKED', 'EXPIRED')) then
      raise exception 'an invitation cannot move from % to %', old.status, new.status using errcode = 'FN042';
    end if;
  end if;
  return new;
end
$$;
comment on function app.guard_invitation() is 'Trigger: nobody invites into a role that may do more than they may; only doors accept.';
create trigger guard_invitation before insert or update on public.invitations for each row execute function app.guard_invitation();

alter table public.outgoing_mails
  alter column user_id drop not null,
  add column detail jsonb,
  drop constraint outgoing_mails_kind_check,
  add constraint outgoing_mails_kind_check
    check (kind in ('VERIFY_EMAIL', 'PASSWORD_RESET', 'ACCOUNT_EXISTS', 'INVITATION', 'OPERATOR_ENTERED')) not valid;
comment on column public.outgoing_mails.kind is 'What it says: VERIFY_EMAIL, PASSWORD_RESET, ACCOUNT_EXISTS, INVITATION or OPERATOR_ENTERED.';
comment on column public.outgoing_mails.user_id is 'To whom; null where it is for an address that may be nobody''s here.';
comment on column public.outgoing_mails.detail is 'Facts that the mail says, as they were when it was queued; null where it says none.';

drop function app.claim_mails(integer, integer);
create function app.claim_mails(p_limit integer, p_lease_ms integer)
returns table (id uuid, kind text, user_id uuid, name text, address text, attempts integer, lease_token uuid, detail jsonb)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
begin
  -- A worker that died while it sent: the mail is due again, but one that kills its worker every time ends.
  with expired as materialized (
    select m.id from public.outgoing_mails m
    where m.status = 'SENDING' and m.lease_expires_at < clock_timestamp()
    order by m.lease_expires_at limit 100 for update skip locked)
  update public.outgoing_mails m
  set status = case when m.attempts >= 20 then 'DEAD' else 'QUEUED' end, lease_token = null, lease_expires_at = null,
    run_at = clock_timestamp(), last_error = 'The worker stopped while it sent.'
  from expired where m.id = expired.id;
  return query
    with picked as materialized (
      select m.id from public.outgoing_mails m
      where m.status = 'QUEUED' and m.run_at <= clock_timestamp()
      order by m.run_at, m.id limit greatest(0, least(p_limit, 100)) for update skip locked)
    update public.outgoing_mails m
    set status = 'SENDING', attempts = m.attempts + 1, lease_token = gen_random_uuid(),
      lease_expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond'
    from picked
    where m.id = picked.id
    returning m.id, m.kind, m.user_id, (select u.name from public.users u where u.id = m.user_id), m.address, m.attempts, m.lease_token,
      m.detail;
end
$$;
comment on function app.claim_mails(integer, integer) is
  'Door of workers: leases mails that are due, and takes back those whose worker died. Sees across tenants because accounts are global.';

create function app.queue_invitation(p_invitation uuid, p_mail uuid, p_most integer) returns integer
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_workspace uuid := app.workspace_id();
  v_invitation public.invitations;
begin
  if v_workspace is null or not app.can('member:write') then
    raise exception 'only who may invite sends invitations' using errcode = '42501';
  end if;
  -- One at a time in a workspace, or two at once would each find room for the last one.
  perform pg_advisory_xact_lock(hashtextextended('invitations of ' || v_workspace, 0));
  select * into v_invitation from public.invitations i
  where i.workspace_id = v_workspace and i.id = p_invitation and i.status = 'PENDING' and i.expires_at > clock_timestamp() for update;
  if not found then
    raise exception 'no such invitation' using errcode = 'FN061';
  end if;
  if v_invitation.sends = 0 and (select count(*) from public.invitations i
      where i.workspace_id = v_workspace and i.status = 'PENDING' and i.expires_at > clock_timestamp()) > p_most then
    raise exception 'too many pending invitations' using errcode = 'FN068';
  end if;
  if v_invitation.sends >= 10 then
    raise exception 'the invitation was sent often enough' using errcode = 'FN069';
  end if;
  if v_invitation.sent_at > clock_timestamp() - interval '1 minute' then
    return ceil(extract(epoch from v_invitation.sent_at + interval '1 minute' - clock_timestamp()) * 1000);
  end if;
  if (select coalesce(sum(i.sends), 0) from public.invitations i
      where i.workspace_id = v_workspace and i.sent_at > clock_timestamp() - interval '1 day') >= p_most then
    return 3600000;
  end if;
  update public.invitations i set sends = i.sends + 1, sent_at = clock_timestamp(), updated_at = clock_timestamp()
  where i.workspace_id = v_workspace and i.id = p_invitation;
  insert into public.outgoing_mails (id, kind, address, detail)
  select p_mail, 'INVITATION', v_invitation.email, jsonb_build_object(
    'workspace_id', v_workspace, 'invitation_id', p_invitation, 'workspace', w.name,
    'inviter', (select u.name from public.users u where u.id = v_invitation.invited_by))
  from public.workspaces w where w.id = v_workspace;
  return 0;
end
$$;
comment on function app.queue_invitation(uuid, uuid, integer) is
  'Door: queues the mail of an invitation of the context''s workspace; how many milliseconds to wait, or 0. Privileged because mails are global.';

create function app.mint_invitation_token(p_mail uuid, p_lease_token uuid, p_hash bytea) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
begin
  insert into public.invitation_tokens (workspace_id, id, invitation_id, hash)
  select i.workspace_id, app.uuid_v7(), i.id, p_hash
  from public.outgoing_mails m
  join public.invitations i on i.workspace_id = (m.detail ->> 'workspace_id')::uuid and i.id = (m.detail ->> 'invitation_id')::uuid
  where m.id = p_mail and m.lease_token = p_lease_token and m.status = 'SENDING' and m.kind = 'INVITATION'
    and i.status = 'PENDING' and i.expires_at > clock_timestamp()
  for update of m;
  return found;
end
$$;
comment on function app.mint_invitation_token(uuid, uuid, bytea) is
  'Door of workers: stores the hash of the link that a mail is about to carry; false when the lease was lost or the invitation is over. Sees across tenants because a mail does.';

create function app.accept_invitation(p_hash bytea, p_membership uuid)
returns table (workspace_id uuid, membership_id uuid, invitation_id uuid, role_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
declare
  v_actor uuid := app.actor_id();
  v_email text;
  v_invitation public.invitations;
  v_member public.memberships;
  v_giver text;
  v_membership uuid;
  v_role text;
  v_permissions text;
begin
  if v_actor is null or app.workspace_id() is not null or app.in_job() or app.api_key_id() is not null then
    raise exception 'only a person outside any workspace accepts an invitation' using errcode = 'FN003';
  end if;
  select i.* into v_invitation from public.invitation_tokens t
  join public.invitations i on i.workspace_id = t.workspace_id and i.id = t.invitation_id
  join public.workspaces w on w.id = i.workspace_id and w.purge_at is null
  where t.hash = p_hash for update of i;
  if not found then
    raise exception 'no such invitation' using errcode = 'FN061';
  elsif v_invitation.status = 'ACCEPTED' then
    raise exception 'the invitation was accepted' using errcode = 'FN062';
  elsif v_invitation.status = 'REVOKED' then
    raise exception 'the invitation was withdrawn' using errcode = 'FN063';
  elsif v_invitation.status = 'EXPIRED' or v_invitation.expires_at <= clock_timestamp() then
    raise exception 'the invitation has expired' using errcode = 'FN064';
  end if;
  select u.email into v_email from public.users u where u.id = v_actor for update;
  if v_email is distinct from v_invitation.email then
    raise exception 'the invitation is for another address' using errcode = 'FN065';
  end if;
  -- What whoever invited may give now, not what they could give then.
  select p.permissions into v_giver
  from app.permissions_of(v_invitation.workspace_id, v_invitation.invited_by, v_invitation.api_key_id) p;
  if not coalesce('member:write' = any (string_to_array(v_giver, ',')), false) or exists (
      select from public.roles r
      cross join lateral (
        select b.permission from public.role_permissions b where b.role = r.built_in
        union all
        select own from unnest(r.permissions) as own) wanted
      where r.workspace_id = v_invitation.workspace_id and r.id = v_invitation.role_id
        and not wanted.permission = any (string_to_array(v_giver, ','))) then
    raise exception 'whoever invited may no longer' using errcode = 'FN066';
  end if;
  select * into v_member from public.memberships m
  where m.workspace_id = v_invitation.workspace_id and m.user_id = v_actor for update;
  if v_member.status = 'SUSPENDED' then
    raise exception 'the membership is suspended' using errcode = 'FN066';
  elsif v_member.status in ('ACTIVE', 'INVITED') then
    raise exception 'a member already' using errcode = 'FN067';
  elsif v_member.id is not null then
    v_membership := v_member.id;
    update public.memberships m
    set status = 'ACTIVE', role_id = v_invitation.role_id, version = m.version + 1, updated_at = clock_timestamp()
    where m.workspace_id = v_invitation.workspace_id and m.id = v_membership;
  else
    v_membership := p_membership;
    insert into public.memberships (workspace_id, id, user_id, role_id)
    values (v_invitation.workspace_id, v_membership, v_actor, v_invitation.role_id);
  end if;
  update public.invitations i
  set status = 'ACCEPTED', accepted_at = clock_timestamp(), membership_id = v_membership, version = i.version + 1, updated_at = clock_timestamp()
  where i.workspace_id = v_invitation.workspace_id and i.id = v_invitation.id;
  -- The link came to the address, so it is read by whoever is here.
  update public.users u set email_verified_at = coalesce(u.email_verified_at, clock_timestamp()) where u.id = v_actor;
  select p.role, p.permissions into v_role, v_permissions from app.permissions_of(v_invitation.workspace_id, v_actor, null) p;
  -- The context moves from no workspace into the one that it has just been let into.
  perform set_config('app.workspace_id', v_invitation.workspace_id::text, true), set_config('app.role', v_role, true),
    set_config('app.permissions', coalesce(v_permissions, ''), true);
  return query select v_invitation.workspace_id, v_membership, v_invitation.id, v_invitation.role_id, v_role, v_permissions;
end
$$;
comment on function app.accept_invitation(bytea, uuid) is
  'Door: makes the context''s person a member by the link of a mail, and enters the workspace. Sees across tenants because the link is all that is known.';

revoke execute on function app.guard_invitation(), app.claim_mails(integer, integer), app.queue_invitation(uuid, uuid, integer),
  app.mint_invitation_token(uuid, uuid, bytea), app.accept_invitation(bytea, uuid) from public;
grant execute on function app.queue_invitation(uuid, uuid, integer), app.accept_invitation(bytea, uuid) to footnote_app;
grant execute on function app.claim_mails(integer, integer), app.mint_invitation_token(uuid, uuid, bytea) to footnote_worker;
alter function app.claim_mails(integer, integer) owner to footnote_system;
alter function app.queue_invitation(uuid, uuid, integer) owner to footnote_system;
alter function app.mint_invitation_token(uuid, uuid, bytea) owner to footnote_system;
alter function app.accept_invitation(bytea, uuid) owner to footnote_system;
