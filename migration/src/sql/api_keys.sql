-- app.enter_key. Not unique: a unique key over all tenants would tell them of each other.
create index api_keys_by_hash on public.api_keys (hash);
-- The keys of a member, and what stops when the member leaves.
create index api_keys_of_member on public.api_keys (workspace_id, user_id);
-- What a key may do is never changed: it is renamed or revoked.
revoke update on public.api_keys from footnote_app, footnote_worker;
grant update (name, revoked_at, version, updated_at) on public.api_keys to footnote_app, footnote_worker;
-- The hash is for the door alone.
revoke select on public.api_keys from footnote_app, footnote_worker;
grant select (workspace_id, id, name, user_id, start, scopes, expires_at, last_used_at, revoked_at, version, updated_at, created_at)
  on public.api_keys to footnote_app, footnote_worker;

create function app.api_key_id() returns uuid language sql stable parallel safe
  return nullif(current_setting('app.api_key_id', true), '')::uuid;
create function app.operator_id() returns uuid language sql stable parallel safe
  return nullif(current_setting('app.operator_id', true), '')::uuid;
comment on function app.api_key_id() is 'The API key by which the context came in; null where it came by another way.';
comment on function app.operator_id() is 'The operator of the context; null where a member, a key or a job acts.';
grant execute on function app.api_key_id(), app.operator_id()
  to footnote_owner, footnote_app, footnote_worker, footnote_maintenance, footnote_system;

alter table public.jobs add column api_key_id uuid default app.api_key_id(),
  add constraint jobs_api_key foreign key (workspace_id, api_key_id) references public.api_keys (workspace_id, id) not valid;
alter table public.uploads add column api_key_id uuid default app.api_key_id(),
  add constraint uploads_api_key foreign key (workspace_id, api_key_id) references public.api_keys (workspace_id, id) not valid;
alter table public.idempotency_records add column api_key_id uuid default app.api_key_id(),
  add constraint idempotency_records_api_key foreign key (workspace_id, api_key_id) references public.api_keys (workspace_id, id) not valid;
comment on column public.jobs.api_key_id is 'The API key that started it, whose scopes bound it; null where none did.';
comment on column public.uploads.api_key_id is 'The API key that asked for it, whose scopes bound it; null where none did.';
comment on column public.idempotency_records.api_key_id is 'The API key that sent it, and alone sees it; null where its person did.';

drop policy can_insert on public.jobs;
create policy can_insert on public.jobs for insert to footnote_app, footnote_worker
  with check (actor_id is not distinct from (select app.actor_id()) and api_key_id is not distinct from (select app.api_key_id())
    and status = 'QUEUED' and lease_token is null);
drop policy can_select on public.idempotency_records;
create policy can_select on public.idempotency_records for select to footnote_app, footnote_worker
  using (actor_id = (select app.actor_id()) and api_key_id is not distinct from (select app.api_key_id()));
drop policy can_insert on public.idempotency_records;
create policy can_insert on public.idempotency_records for insert to footnote_app, footnote_worker
  with check (actor_id = (select app.actor_id()) and api_key_id is not distinct from (select app.api_key_id()));
