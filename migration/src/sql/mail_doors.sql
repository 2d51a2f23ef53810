create function app.claim_mails(p_limit integer, p_lease_ms integer)
returns table (id uuid, kind text, user_id uuid, name text, address text, attempts integer, lease_token uuid)
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
    from picked, public.users u
    where m.id = picked.id and u.id = m.user_id
    returning m.id, m.kind, m.user_id, u.name, m.address, m.attempts, m.lease_token;
end
$$;
comment on function app.claim_mails(integer, integer) is
  'Door of workers: leases mails that are due, and takes back those whose worker died. Sees across tenants because accounts are global.';

create function app.mint_account_link(p_mail uuid, p_lease_token uuid, p_hash bytea, p_expires_at timestamptz) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
begin
  insert into public.account_links (hash, kind, user_id, credential_version, expires_at)
  select p_hash, case m.kind when 'VERIFY_EMAIL' then 'EMAIL_VERIFY' else 'PASSWORD_RESET' end, m.user_id,
    (select c.version from public.credentials c where c.user_id = m.user_id), p_expires_at
  from public.outgoing_mails m
  where m.id = p_mail and m.lease_token = p_lease_token and m.status = 'SENDING' and m.kind in ('VERIFY_EMAIL', 'PASSWORD_RESET')
  for update of m;
  if not found then
    return false;
  end if;
  delete from public.account_links l where l.hash in (
    select o.hash from public.account_links o where o.expires_at < clock_timestamp() - interval '7 days'
    order by o.expires_at limit 20 for update skip locked);
  return true;
end
$$;
comment on function app.mint_account_link(uuid, uuid, bytea, timestamptz) is
  'Door of workers: stores the hash of the link that a mail is about to carry; false when the lease was lost or the mail carries none. Privileged because accounts are global.';

create function app.finish_mail(p_mail uuid, p_lease_token uuid, p_error text, p_retry_ms integer) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
begin
  update public.outgoing_mails m
  set status = case when p_error is null then 'SENT' when p_retry_ms is null then 'DEAD' else 'QUEUED' end,
    sent_at = case when p_error is null then clock_timestamp() end,
    run_at = clock_timestamp() + coalesce(p_retry_ms, 0) * interval '1 millisecond',
    last_error = left(p_error, 2000), lease_token = null, lease_expires_at = null
  where m.id = p_mail and m.lease_token = p_lease_token and m.status = 'SENDING';
  if not found then
    return false;
  end if;
  -- What was said to whom is nobody's business for ever.
  delete from public.outgoing_mails m where m.id in (
    select o.id from public.outgoing_mails o
    where o.status in ('SENT', 'DEAD') and o.created_at < clock_timestamp() - interval '30 days'
    order by o.created_at limit 20 for update skip locked);
  return true;
end
$$;
comment on function app.finish_mail(uuid, uuid, text, integer) is
  'Door of workers: SENT without an error, QUEUED again after so many milliseconds, DEAD where null; false when the lease was lost. Privileged because accounts are global.';

revoke execute on function app.claim_mails(integer, integer), app.mint_account_link(uuid, uuid, bytea, timestamptz),
  app.finish_mail(uuid, uuid, text, integer) from public;
grant execute on function app.claim_mails(integer, integer), app.mint_account_link(uuid, uuid, bytea, timestamptz),
  app.finish_mail(uuid, uuid, text, integer) to footnote_worker;
alter function app.claim_mails(integer, integer) owner to footnote_system;
alter function app.mint_account_link(uuid, uuid, bytea, timestamptz) owner to footnote_system;
alter function app.finish_mail(uuid, uuid, text, integer) owner to footnote_system;
