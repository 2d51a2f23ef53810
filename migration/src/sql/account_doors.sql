create function app.enter_nobody() returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
begin
  perform app.enter(null, null, null, null, null);
  return query select null::uuid, null::uuid, null::text, null::text;
end
$$;
comment on function app.enter_nobody() is
  'Door: the context of somebody who is not signed in, in which policies show nothing. Privileged because only doors may set a context.';

-- Not a door: only the doors call it. Whole milliseconds to wait, or 0 where the attempt is counted and may be made.
create function app.count_attempt(p_scope text, p_subject bytea, p_free integer, p_most_ms integer) returns integer
language plpgsql set search_path = '' as $$
declare
  v_row public.sign_in_attempts;
  v_now timestamptz;
begin
  insert into public.sign_in_attempts as a (scope, subject, updated_at) values (p_scope, p_subject, clock_timestamp())
  on conflict on constraint sign_in_attempts_pkey do update set scope = a.scope
  returning * into v_row;
  -- After the lock, which attempts of the same subject wait for.
  v_now := clock_timestamp();
  if v_row.blocked_until > v_now then
    return ceil(extract(epoch from v_row.blocked_until - v_now) * 1000);
  end if;
  if v_row.updated_at < v_now - interval '1 hour' then
    v_row.attempts := 0;
  end if;
  v_row.attempts := v_row.attempts + 1;
  update public.sign_in_attempts a
  set attempts = v_row.attempts, updated_at = v_now, blocked_until = case when v_row.attempts >= p_free
    then v_now + least(p_most_ms, 1000 * 2 ^ least(v_row.attempts - p_free, 20)) * interval '1 millisecond' else '-infinity' end
  where a.scope = p_scope and a.subject = p_subject;
  if v_row.attempts = 1 then
    delete from public.sign_in_attempts a using (
      select o.scope, o.subject from public.sign_in_attempts o where o.updated_at < v_now - interval '1 day'
        and (o.scope <> 'KNOWN' or o.updated_at < v_now - interval '90 days')
      order by o.updated_at limit 20 for update skip locked) old
    where a.scope = old.scope and a.subject = old.subject;
  end if;
  return 0;
end
$$;
comment on function app.count_attempt(text, bytea, integer, integer) is
  'Counts an attempt: so many are free, then each doubles the wait up to the most. An hour at rest begins again. Only doors may call it.';

create function app.begin_sign_in(p_email text, p_address bytea, p_account bytea, p_both bytea)
returns table (retry_after_ms integer, user_id uuid, password_hash text, version integer, verified boolean)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_wait integer;
begin
  -- Who waits already is not counted: or one address could, by attempts that are refused at once, keep everybody out of an account.
  select ceil(extract(epoch from a.blocked_until - clock_timestamp()) * 1000) into v_wait from public.sign_in_attempts a
  where a.scope = 'ACCOUNT_FROM_ADDRESS' and a.subject = p_both and a.blocked_until > clock_timestamp();
  v_wait := coalesce(v_wait, 0);
  -- Whoever signed in from here before is slowed by their own mistakes alone, and not by what others do to the account or the address.
  if v_wait = 0 and not exists (select from public.sign_in_attempts a
      where a.scope = 'KNOWN' and a.subject = p_both and a.updated_at > clock_timestamp() - interval '90 days') then
    v_wait := app.count_attempt('ADDRESS', p_address, 100, 60000);
    if v_wait = 0 then
      v_wait := app.count_attempt('ACCOUNT', p_account, 100, 30000);
    end if;
  end if;
  if v_wait = 0 then
    v_wait := app.count_attempt('ACCOUNT_FROM_ADDRESS', p_both, 5, 900000);
  end if;
  if v_wait > 0 then
    return query select v_wait, null::uuid, null::text, null::integer, null::boolean;
    return;
  end if;
  return query select 0, u.id, c.password_hash, c.version, u.email_verified_at is not null
    from (values (1)) one left join public.users u on u.email = p_email left join public.credentials c on c.user_id = u.id;
end
$$;
comment on function app.begin_sign_in(text, bytea, bytea, bytea) is
  'Door: counts an attempt to sign in, and shows the hash to compare with, or how long to wait. Sees across tenants because nobody is known yet.';

create function app.finish_sign_in(p_user uuid, p_version integer, p_password_hash text, p_session uuid, p_session_expires_at timestamptz,
  p_refresh bytea, p_refresh_expires_at timestamptz, p_address bytea, p_account bytea, p_both bytea)
returns boolean language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
begin
  perform 1 from public.credentials c where c.user_id = p_user and c.version = p_version for update;
  if not found then
    return false;
  end if;
  if p_password_hash is not null then
    update public.credentials c set password_hash = p_password_hash, updated_at = clock_timestamp() where c.user_id = p_user;
  end if;
  insert into public.sessions (id, user_id, expires_at) values (p_session, p_user, p_session_expires_at);
  insert into public.refresh_tokens (hash, session_id, expires_at)
  values (p_refresh, p_session, least(p_refresh_expires_at, p_session_expires_at));
  -- A person has so many devices; the oldest session gives way.
  update public.sessions s set revoked_at = clock_timestamp() where s.id in (
    select o.id from public.sessions o where o.user_id = p_user and o.revoked_at is null and o.expires_at > clock_timestamp()
    order by o.created_at desc, o.id desc offset 100);
  if not exists (select from public.sign_in_attempts a
      where a.scope = 'KNOWN' and a.subject = p_both and a.updated_at > clock_timestamp() - interval '90 days') then
    update public.sign_in_attempts a set attempts = greatest(a.attempts - 1, 0), blocked_until = '-infinity'
    where a.scope = 'ADDRESS' and a.subject = p_address;
    update public.sign_in_attempts a set attempts = greatest(a.attempts - 1, 0), blocked_until = '-infinity'
    where a.scope = 'ACCOUNT' and a.subject = p_account;
  end if;
  delete from public.sign_in_attempts a where a.scope = 'ACCOUNT_FROM_ADDRESS' and a.subject = p_both;
  insert into public.sign_in_attempts (scope, subject, updated_at) values ('KNOWN', p_both, clock_timestamp())
  on conflict on constraint sign_in_attempts_pkey do update set updated_at = excluded.updated_at;
  return true;
end
$$;
comment on function app.finish_sign_in(uuid, integer, text, uuid, timestamptz, bytea, timestamptz, bytea, bytea, bytea) is
  'Door: opens the session of somebody whose password was right; false where it was changed meanwhile. Sees across tenants because a session stands before any.';

create function app.refresh_session(p_hash bytea, p_next bytea, p_sealed bytea, p_grace_ms integer, p_idle_seconds integer)
returns table (outcome text, session_id uuid, user_id uuid, session_expires_at timestamptz, refresh_expires_at timestamptz, sealed bytea,
  further boolean)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
declare
  v_token record;
  v_found boolean;
  v_now timestamptz;
  v_expires_at timestamptz;
begin
  select t.used_at, t.expires_at, t.replaced_by, t.sealed_successor, t.session_id, s.user_id, s.expires_at as ends_at, s.revoked_at
  into v_token
  from public.refresh_tokens t join public.sessions s on s.id = t.session_id
  where t.hash = p_hash for update of t;
  v_found := found;
  v_now := clock_timestamp();
  if not v_found or v_token.revoked_at is not null or v_token.ends_at <= v_now or v_token.expires_at <= v_now then
    return query select 'ENDED', null::uuid, null::uuid, null::timestamptz, null::timestamptz, null::bytea, false;
  elsif v_token.used_at is null then
    v_expires_at := least(v_now + p_idle_seconds * interval '1 second', v_token.ends_at);
    update public.refresh_tokens t set used_at = v_now, replaced_by = p_next, sealed_successor = p_sealed where t.hash = p_hash;
    insert into public.refresh_tokens (hash, session_id, expires_at) values (p_next, v_token.session_id, v_expires_at);
    -- Those that would be refused anyway. The others are kept, because one that comes again tells of a thief.
    delete from public.refresh_tokens t where t.session_id = v_token.session_id and t.expires_at < v_now and t.used_at is not null;
    return query select 'ROTATED', v_token.session_id, v_token.user_id, v_token.ends_at, v_expires_at, null::bytea, false;
  elsif v_token.used_at > v_now - p_grace_ms * interval '1 millisecond' then
    return query select 'GRACE', v_token.session_id, v_token.user_id, v_token.ends_at, n.expires_at, v_token.sealed_successor, n.used_at is not null
      from public.refresh_tokens n where n.hash = v_token.replaced_by;
  else
    update public.sessions s set revoked_at = v_now where s.id = v_token.session_id;
    return query select 'REUSED', v_token.session_id, v_token.user_id, v_token.ends_at, null::timestamptz, null::bytea, false;
  end if;
end
$$;
comment on function app.refresh_session(bytea, bytea, bytea, integer, integer) is
  'Door: exchanges a refresh token once; again within the grace window it shows the same successor, and later it ends the session. Sees across tenants because a session stands before any.';

create function app.end_sessions(p_session uuid, p_refresh bytea, p_grace_ms integer, p_everywhere boolean) returns integer
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_session uuid;
  v_user uuid;
  v_stale boolean := false;
  v_count integer;
begin
  if p_session is not null then
    select s.id, s.user_id into v_session, v_user from public.sessions s
    where s.id = p_session and s.revoked_at is null and s.expires_at > clock_timestamp();
  else
    select s.id, s.user_id, t.used_at < clock_timestamp() - p_grace_ms * interval '1 millisecond' into v_session, v_user, v_stale
    from public.refresh_tokens t join public.sessions s on s.id = t.session_id
    where t.hash = p_refresh and t.expires_at > clock_timestamp() and s.revoked_at is null and s.expires_at > clock_timestamp();
  end if;
  -- One that was exchanged long ago may be a thief's: it ends its own family, as everywhere, and no other.
  update public.sessions s set revoked_at = clock_timestamp()
  where s.revoked_at is null and s.expires_at > clock_timestamp()
    and (s.id = v_session or (p_everywhere and not coalesce(v_stale, false) and s.user_id = v_user));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app.end_sessions(uuid, bytea, integer, boolean) is
  'Door: signs a session out, or all of its person''s; how many ended. Sees across tenants because a session stands before any.';

create function app.begin_sign_up(p_address bytea) returns integer
language sql security definer set search_path = '' set lock_timeout = '3s'
begin atomic
  select app.count_attempt('SIGN_UP', p_address, 20, 600000);
end;
comment on function app.begin_sign_up(bytea) is
  'Door: counts an attempt to sign up; how long to wait, or 0. Privileged because counters are for doors alone.';

create function app.sign_up(p_user uuid, p_email text, p_name text, p_password_hash text, p_mail uuid, p_replace boolean) returns void
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_user uuid;
  v_kind text := 'ACCOUNT_EXISTS';
  v_replaced boolean := false;
begin
  insert into public.users (id, email, name) values (p_user, p_email, p_name) on conflict (email) do nothing;
  if found then
    v_user := p_user;
    v_kind := 'VERIFY_EMAIL';
    insert into public.credentials (user_id, password_hash) values (p_user, p_password_hash);
  else
    select u.id into v_user from public.users u where u.email = p_email for update;
    -- Nobody has shown yet that the address is theirs, and nobody could use the account: whoever signs up last has the password, and
    -- the links of earlier mails are worth nothing. Otherwise a stranger's password would wait for the owner's click.
    if p_replace and exists (select from public.users u where u.id = v_user and u.email_verified_at is null)
      and exists (select from public.credentials c where c.user_id = v_user)
      and not exists (select from public.sessions s where s.user_id = v_user)
      and not exists (select from public.memberships m where m.user_id = v_user) then
      v_replaced := true;
      v_kind := 'VERIFY_EMAIL';
      update public.users u set name = p_name where u.id = v_user;
      update public.credentials c set password_hash = p_password_hash, version = c.version + 1, updated_at = clock_timestamp()
      where c.user_id = v_user;
    end if;
  end if;
  -- Whoever signs somebody else up again and again fills no mailbox; but where earlier links died with their password, there is
  -- another one after a while.
  insert into public.outgoing_mails (id, kind, user_id, address)
  select p_mail, v_kind, v_user, p_email
  where (select count(*) from public.outgoing_mails m
         where m.user_id = v_user and m.kind = v_kind and m.created_at > clock_timestamp() - interval '1 hour') < 3
    or (v_replaced and not exists (select from public.outgoing_mails m
         where m.user_id = v_user and m.kind = v_kind and m.created_at > clock_timestamp() - interval '10 minutes'));
end
$$;
comment on function app.sign_up(uuid, text, text, text, uuid, boolean) is
  'Door: makes an account, or tells the one who has it by mail; answers nothing, so that nobody learns which. Sees across tenants because people are global.';

create function app.verify_email(p_hash bytea) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_user uuid;
begin
  -- The person's row first, as in sign_up: whoever signs up again for the address waits, or has changed the version.
  select u.id into v_user from public.account_links l join public.users u on u.id = l.user_id
  where l.hash = p_hash and l.kind = 'EMAIL_VERIFY' for update of u;
  update public.account_links l set used_at = clock_timestamp()
  where l.hash = p_hash and l.kind = 'EMAIL_VERIFY' and l.used_at is null and l.expires_at > clock_timestamp()
    and l.credential_version is not distinct from (select c.version from public.credentials c where c.user_id = v_user);
  if not found then
    return false;
  end if;
  update public.users u set email_verified_at = coalesce(u.email_verified_at, clock_timestamp()) where u.id = v_user;
  return true;
end
$$;
comment on function app.verify_email(bytea) is
  'Door: uses up the link of a mail and verifies its address; false where the link does not hold. Sees across tenants because people are global.';

create function app.request_password_reset(p_email text, p_address bytea, p_mail uuid) returns integer
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_wait integer := app.count_attempt('RESET', p_address, 10, 600000);
begin
  if v_wait = 0 then
    -- One at a time for an address, whether it is known or not: or many at once would each find the hour's mails not sent yet.
    perform pg_advisory_xact_lock(('x' || encode(substr(sha256(convert_to('reset ' || p_email, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint);
    insert into public.outgoing_mails (id, kind, user_id, address)
    select p_mail, 'PASSWORD_RESET', u.id, u.email from public.users u
    where u.email = p_email and (select count(*) from public.outgoing_mails m
      where m.user_id = u.id and m.kind = 'PASSWORD_RESET' and m.created_at > clock_timestamp() - interval '1 hour') < 3;
  end if;
  return v_wait;
end
$$;
comment on function app.request_password_reset(text, bytea, uuid) is
  'Door: queues the mail of a reset where there is an account, and does not tell; how long to wait, or 0. Sees across tenants because people are global.';

create function app.holds_reset_link(p_hash bytea) returns boolean
language sql stable security definer set search_path = ''
begin atomic
  select exists (select from public.account_links l
    where l.hash = p_hash and l.kind = 'PASSWORD_RESET' and l.used_at is null and l.expires_at > clock_timestamp());
end;
comment on function app.holds_reset_link(bytea) is
  'Door: whether a link could reset a password, before the work of hashing one. Sees across tenants because people are global.';

create function app.reset_password(p_hash bytea, p_password_hash text) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_user uuid;
begin
  update public.account_links l set used_at = clock_timestamp()
  where l.hash = p_hash and l.kind = 'PASSWORD_RESET' and l.used_at is null and l.expires_at > clock_timestamp()
  returning l.user_id into v_user;
  if not found then
    return false;
  end if;
  insert into public.credentials as c (user_id, password_hash) values (v_user, p_password_hash)
  on conflict (user_id) do update set password_hash = excluded.password_hash, version = c.version + 1, updated_at = clock_timestamp();
  update public.account_links l set used_at = clock_timestamp() where l.user_id = v_user and l.kind = 'PASSWORD_RESET' and l.used_at is null;
  -- Whoever reads the mail has the address.
  update public.users u set email_verified_at = coalesce(u.email_verified_at, clock_timestamp()) where u.id = v_user;
  update public.sessions s set revoked_at = clock_timestamp() where s.user_id = v_user and s.revoked_at is null;
  return true;
end
$$;
comment on function app.reset_password(bytea, text) is
  'Door: uses up the link of a mail, changes the password and ends every session; false where the link does not hold. Sees across tenants because people are global.';

create function app.set_password(p_user uuid, p_password_hash text) returns void
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
begin
  insert into public.credentials as c (user_id, password_hash) values (p_user, p_password_hash)
  on conflict (user_id) do update set password_hash = excluded.password_hash, version = c.version + 1, updated_at = clock_timestamp();
  update public.users u set email_verified_at = coalesce(u.email_verified_at, clock_timestamp()) where u.id = p_user;
end
$$;
comment on function app.set_password(uuid, text) is
  'Door for the command line: gives a person a password, and vouches for the address. Sees across tenants because people are global.';

revoke execute on function app.enter_nobody(), app.count_attempt(text, bytea, integer, integer),
  app.begin_sign_in(text, bytea, bytea, bytea),
  app.finish_sign_in(uuid, integer, text, uuid, timestamptz, bytea, timestamptz, bytea, bytea, bytea),
  app.refresh_session(bytea, bytea, bytea, integer, integer), app.end_sessions(uuid, bytea, integer, boolean),
  app.begin_sign_up(bytea), app.sign_up(uuid, text, text, text, uuid, boolean), app.verify_email(bytea),
  app.request_password_reset(text, bytea, uuid), app.holds_reset_link(bytea), app.reset_password(bytea, text),
  app.set_password(uuid, text) from public;
grant execute on function app.enter_nobody(), app.begin_sign_in(text, bytea, bytea, bytea),
  app.finish_sign_in(uuid, integer, text, uuid, timestamptz, bytea, timestamptz, bytea, bytea, bytea),
  app.refresh_session(bytea, bytea, bytea, integer, integer), app.end_sessions(uuid, bytea, integer, boolean),
  app.begin_sign_up(bytea), app.sign_up(uuid, text, text, text, uuid, boolean), app.verify_email(bytea),
  app.request_password_reset(text, bytea, uuid), app.holds_reset_link(bytea), app.reset_password(bytea, text) to footnote_app;
alter function app.enter_nobody() owner to footnote_system;
alter function app.count_attempt(text, bytea, integer, integer) owner to footnote_system;
alter function app.begin_sign_in(text, bytea, bytea, bytea) owner to footnote_system;
alter function app.finish_sign_in(uuid, integer, text, uuid, timestamptz, bytea, timestamptz, bytea, bytea, bytea) owner to footnote_system;
alter function app.refresh_session(bytea, bytea, bytea, integer, integer) owner to footnote_system;
alter function app.end_sessions(uuid, bytea, integer, boolean) owner to footnote_system;
alter function app.begin_sign_up(bytea) owner to footnote_system;
alter function app.sign_up(uuid, text, text, text, uuid, boolean) owner to footnote_system;
alter function app.verify_email(bytea) owner to footnote_system;
alter function app.request_password_reset(text, bytea, uuid) owner to footnote_system;
alter function app.holds_reset_link(bytea) owner to footnote_system;
alter function app.reset_password(bytea, text) owner to footnote_system;
alter function app.set_password(uuid, text) owner to footnote_system;
