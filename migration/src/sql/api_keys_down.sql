drop policy can_insert on public.jobs;
create policy can_insert on public.jobs for insert to footnote_app, footnote_worker
  with check (actor_id is not distinct from (select app.actor_id()) and status = 'QUEUED' and lease_token is null);
drop policy can_select on public.idempotency_records;
create policy can_select on public.idempotency_records for select to footnote_app, footnote_worker
  using (actor_id = (select app.actor_id()));
drop policy can_insert on public.idempotency_records;
create policy can_insert on public.idempotency_records for insert to footnote_app, footnote_worker
  with check (actor_id = (select app.actor_id()));
alter table public.jobs drop column api_key_id;
alter table public.uploads drop column api_key_id;
alter table public.idempotency_records drop column api_key_id;
drop table public.api_keys;
drop function app.api_key_id();
drop function app.operator_id();
