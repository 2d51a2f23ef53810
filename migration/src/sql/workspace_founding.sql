create function app.found_workspace(p_id uuid, p_slug text, p_name text, p_membership uuid, p_most integer)
returns table (id uuid, slug text, name text, version integer, created_at timestamptz, updated_at timestamptz, role text, permissions text)
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
#variable_conflict use_column
declare
  v_actor uuid := app.actor_id();
  v_permissions text;
begin
  if v_actor is null or app.workspace_id() is not null or app.in_job() then
    raise exception 'only a person outside any workspace founds one' using errcode = 'FN003';
  end if;
  -- One at a time, or two at once would each see room for the last one.
  perform 1 from public.users u where u.id = v_actor for update;
  if (select count(*) from public.memberships m where m.user_id = v_actor and m.role = 'OWNER' and m.status = 'ACTIVE') >= p_most then
    raise exception 'no more workspaces' using errcode = 'FN007';
  end if;
  insert into public.workspaces (id, slug, name) values (p_id, p_slug, p_name);
  insert into public.workspace_sequences (workspace_id) values (p_id);
  insert into public.memberships (workspace_id, id, user_id, role) values (p_id, p_membership, v_actor, 'OWNER');
  select string_agg(p.permission, ',' order by p.permission) into v_permissions from public.role_permissions p where p.role = 'OWNER';
  -- The context moves from no workspace into the one that did not exist before: nothing of another tenant can have been seen in it.
  perform set_config('app.workspace_id', p_id::text, true), set_config('app.role', 'OWNER', true),
    set_config('app.permissions', coalesce(v_permissions, ''), true);
  return query select w.id, w.slug, w.name, w.version, w.created_at, w.updated_at, 'OWNER', v_permissions
    from public.workspaces w where w.id = p_id;
end
$$;
comment on function app.found_workspace(uuid, text, text, uuid, integer) is
  'Door: makes a workspace whose owner is the context''s person, and enters it. Privileged because a tenant is made; refuses a context that is in a workspace.';

create table public.account_idempotency_records (
  owner bytea not null check (octet_length(owner) = 32),
  key text not null check (key ~ '^[!-~]{1,255}$'),
  fingerprint bytea not null check (octet_length(fingerprint) = 32),
  answer text not null check (octet_length(answer) <= 262144),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null default clock_timestamp() + interval '72 hours',
  primary key (owner, key)
);
-- Which records have expired, when another is inserted.
create index account_idempotency_records_expired on public.account_idempotency_records (expires_at);
comment on table public.account_idempotency_records is
  'A mutation outside any workspace that succeeded under a key, and its answer. Global: it belongs to a person or to an address that signs up. Only doors see it.';
comment on column public.account_idempotency_records.owner is 'SHA-256 of the person''s id, or a keyed hash of the address that signs up.';
comment on column public.account_idempotency_records.key is 'What the client chose: visible ASCII, unique for its owner.';
comment on column public.account_idempotency_records.fingerprint is
  'A keyed hash over the operation''s name, the document and the variables; the server''s key is not in the database, since a password may be among them.';
comment on column public.account_idempotency_records.answer is 'The data of the answer as JSON, without secrets; text, because a repetition gets the same bytes.';
comment on column public.account_idempotency_records.created_at is 'When it was recorded.';
comment on column public.account_idempotency_records.expires_at is 'After this moment it counts as absent.';
alter table public.account_idempotency_records enable row level security, force row level security;
create policy doors on public.account_idempotency_records to footnote_system using (true) with check (true);
grant select, insert, update, delete on public.account_idempotency_records to footnote_system;
grant select on public.account_idempotency_records to footnote_maintenance;

-- Not a door: only the doors call it. A signed-in person's records are found by who they are, and by nothing that was sent.
create function app.owner_of_key(p_address bytea) returns bytea language sql stable set search_path = ''
return case when app.actor_id() is null then p_address else sha256(convert_to('user ' || app.actor_id(), 'UTF8')) end;
comment on function app.owner_of_key(bytea) is 'Whose idempotency records are meant. Only doors may call it.';

create function app.claim_account_key(p_address bytea, p_key text)
returns table (claimed boolean, fingerprint bytea, answer text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  v_owner bytea := app.owner_of_key(p_address);
begin
  return query select false, r.fingerprint, r.answer from public.account_idempotency_records r
    where r.owner = v_owner and r.key = p_key and r.expires_at > clock_timestamp();
  if found then
    return;
  end if;
  -- Tried, because an insert of a key that is not committed yet would wait for it.
  if not pg_try_advisory_xact_lock(('x' || encode(substr(sha256(v_owner || convert_to(p_key, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint) then
    return;
  end if;
  -- Once more: the snapshot of this statement is younger than the lock, so it shows what its last holder committed.
  return query select false, r.fingerprint, r.answer from public.account_idempotency_records r
    where r.owner = v_owner and r.key = p_key and r.expires_at > clock_timestamp();
  if not found then
    return query select true, null::bytea, null::text;
  end if;
end
$$;
comment on function app.claim_account_key(bytea, text) is
  'Door: the record of a key outside workspaces, or the key itself until the transaction ends (claimed); no row while another transaction has it. Privileged because nobody else sees the records.';

create function app.record_account_answer(p_address bytea, p_key text, p_fingerprint bytea, p_answer text) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '3s' as $$
declare
  v_owner bytea := app.owner_of_key(p_address);
begin
  delete from public.account_idempotency_records r where r.owner = v_owner and r.key = p_key and r.expires_at <= clock_timestamp();
  insert into public.account_idempotency_records (owner, key, fingerprint, answer) values (v_owner, p_key, p_fingerprint, p_answer)
  on conflict do nothing;
  if not found then
    return false;
  end if;
  delete from public.account_idempotency_records r using (
    select o.owner, o.key from public.account_idempotency_records o where o.expires_at <= clock_timestamp()
    order by o.expires_at limit 20 for update skip locked) old
  where r.owner = old.owner and r.key = old.key;
  return true;
end
$$;
comment on function app.record_account_answer(bytea, text, bytea, text) is
  'Door: records the answer of a mutation outside workspaces; false where its key was used meanwhile. Privileged because nobody else may write the records.';

insert into public.event_types (name, description, schema)
values ('workspace.created', 'A workspace was made; its maker is its owner.',
  '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"name": {"type": "string"}, "slug": {"type": "string"}}, "required": ["name", "slug"]}')
on conflict (name) do nothing;

revoke execute on function app.found_workspace(uuid, text, text, uuid, integer), app.owner_of_key(bytea),
  app.claim_account_key(bytea, text), app.record_account_answer(bytea, text, bytea, text) from public;
grant execute on function app.found_workspace(uuid, text, text, uuid, integer), app.claim_account_key(bytea, text),
  app.record_account_answer(bytea, text, bytea, text) to footnote_app;
alter function app.found_workspace(uuid, text, text, uuid, integer) owner to footnote_system;
alter function app.owner_of_key(bytea) owner to footnote_system;
alter function app.claim_account_key(bytea, text) owner to footnote_system;
alter function app.record_account_answer(bytea, text, bytea, text) owner to footnote_system;
