-- The owner sees no row while row-level security is forced; the table is locked until the migration has ended.
alter table public.outgoing_mails no force row level security;
delete from public.outgoing_mails where kind = 'OPERATOR_ENTERED';
alter table public.outgoing_mails force row level security;
drop function app.claim_mails(integer, integer);
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
revoke execute on function app.claim_mails(integer, integer) from public;
grant execute on function app.claim_mails(integer, integer) to footnote_worker;
alter function app.claim_mails(integer, integer) owner to footnote_system;
alter table public.outgoing_mails drop column detail,
  drop constraint outgoing_mails_kind_check,
  add constraint outgoing_mails_kind_check check (kind in ('VERIFY_EMAIL', 'PASSWORD_RESET', 'ACCOUNT_EXISTS'));
comment on column public.outgoing_mails.kind is 'What it says: VERIFY_EMAIL, PASSWORD_RESET or ACCOUNT_EXISTS.';
