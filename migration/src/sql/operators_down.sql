-- The owner sees no row while row-level security is forced; the table is locked until the migration has ended.
alter table public.outgoing_mails no force row level security;
delete from public.outgoing_mails where kind = 'OPERATOR_ENTERED';
alter table public.outgoing_mails force row level security;
drop function app.migration_history();
drop function app.count_jobs(integer);
drop function app.count_workspaces(integer);
drop function app.entries_of_operator(integer);
drop function app.operator_of_context();
drop function app.revoke_operator(uuid);
drop function app.end_operator_entry(uuid);
drop function app.leave_operator_entry(uuid, text);
drop function app.close_operator_entry(public.operator_entries, text, uuid, text, text);
drop function app.start_operator_entry(uuid, uuid, text, text, integer, text);
drop function app.require_operator();
drop function app.note_operator_use(bytea);
drop function app.enter_operator(bytea, uuid, text);
drop policy can_insert on public.jobs;
create policy can_insert on public.jobs for insert to footnote_app, footnote_worker
  with check (actor_id is not distinct from (select app.actor_id()) and api_key_id is not distinct from (select app.api_key_id())
    and status = 'QUEUED' and lease_token is null);
drop table public.operator_entries;
drop table public.operators;
