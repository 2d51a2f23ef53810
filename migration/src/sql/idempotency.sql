-- Which records of a workspace have expired, when another is inserted.
create index idempotency_records_expired on public.idempotency_records (workspace_id, expires_at);

create function app.claim_idempotency_key(p_lock bigint, p_key text)
returns table (claimed boolean, fingerprint bytea, answer text)
language plpgsql set search_path = '' as $$
begin
  -- What is recorded takes no lock, so that repetitions do not meet.
  return query select false, r.fingerprint, r.answer from public.idempotency_records r
    where r.workspace_id = app.workspace_id() and r.key = p_key and r.expires_at > clock_timestamp();
  if found then
    return;
  end if;
  -- Tried, because an insert of a key that is not committed yet would wait for it.
  if not pg_try_advisory_xact_lock(p_lock) then
    return;
  end if;
  -- Once more: the snapshot of this statement is younger than the lock, so it shows what its last holder committed.
  return query select false, r.fingerprint, r.answer from public.idempotency_records r
    where r.workspace_id = app.workspace_id() and r.key = p_key and r.expires_at > clock_timestamp();
  if not found then
    return query select true, null::bytea, null::text;
  end if;
end
$$;
comment on function app.claim_idempotency_key(bigint, text) is
  'The record of the caller''s key, or the key itself until the transaction ends (claimed); no row while another transaction has it.';

create function app.forget_idempotency_records() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Whoever's it was: an expired record does not keep its key.
  delete from public.idempotency_records r
  where r.workspace_id = app.workspace_id() and r.key = new.key and r.expires_at <= clock_timestamp();
  delete from public.idempotency_records r
  where r.workspace_id = app.workspace_id() and r.id in (
    select e.id from public.idempotency_records e
    where e.workspace_id = app.workspace_id() and e.expires_at <= clock_timestamp()
    order by e.expires_at limit 20 for update skip locked);
  return new;
end
$$;
comment on function app.forget_idempotency_records() is
  'Trigger: each record takes up to 20 expired ones of its workspace away. Privileged because an actor does not see the records of others.';
create trigger forget_idempotency_records before insert on public.idempotency_records
  for each row execute function app.forget_idempotency_records();

revoke execute on function app.claim_idempotency_key(bigint, text), app.forget_idempotency_records() from public;
grant execute on function app.claim_idempotency_key(bigint, text) to footnote_app;
alter function app.forget_idempotency_records() owner to footnote_system;
