create table public.audit_actions (
  name text primary key check (name ~ '^[a-z_]+[.][a-z_]+$'),
  description text not null
);
comment on table public.audit_actions is 'The catalogue of what the audit log records. Global: the same for every tenant.';
comment on column public.audit_actions.name is 'object.verb.';
comment on column public.audit_actions.description is 'What was done.';
alter table public.audit_actions enable row level security, force row level security;
create policy everyone on public.audit_actions for select to footnote_app, footnote_worker, footnote_system using (true);
create policy migrations on public.audit_actions to footnote_owner using (true) with check (true);
grant select on public.audit_actions to footnote_app, footnote_worker, footnote_system, footnote_maintenance;
insert into public.audit_actions (name, description) values
  ('workspace.create', 'A workspace was made.'),
  ('workspace.update', 'A workspace got another name or slug.'),
  ('workspace.delete', 'The deletion of a workspace was asked for.'),
  ('workspace.restore', 'The deletion of a workspace was called off.'),
  ('membership.create', 'Somebody became a member from the command line.'),
  ('membership.role_update', 'A member got another role.'),
  ('membership.suspend', 'A member was suspended.'),
  ('membership.reactivate', 'A suspended member was let in again.'),
  ('membership.remove', 'A member was removed.'),
  ('membership.leave', 'A member left.'),
  ('ownership.transfer', 'An owner made another member the owner, and took another role.'),
  ('person.erase', 'A member had their account erased.'),
  ('invitation.create', 'Somebody was invited.'),
  ('invitation.resend', 'An invitation was sent again.'),
  ('invitation.revoke', 'An invitation was withdrawn.'),
  ('invitation.accept', 'An invitation was accepted.'),
  ('role.create', 'A role was made.'),
  ('role.update', 'A role was changed.'),
  ('role.delete', 'A role was deleted.'),
  ('api_key.create', 'An API key was made.'),
  ('api_key.update', 'An API key was renamed.'),
  ('api_key.revoke', 'An API key was revoked.'),
  ('operator.enter', 'An operator entered the workspace.'),
  ('operator.leave', 'An operator''s entry was ended by the operator.'),
  ('operator.end', 'An operator''s entry was ended by the workspace.'),
  ('collection.create', 'A collection was made.'),
  ('collection.update', 'A collection was changed.'),
  ('collection.delete', 'A collection was deleted.'),
  ('document.create', 'A document was made.'),
  ('document.update', 'A document was changed.'),
  ('document.delete', 'A document was deleted.'),
  ('document.upload', 'The bytes of a document arrived.'),
  ('ingestion.retry', 'A failed ingestion was queued again.'),
  ('agent.create', 'An agent was made.'),
  ('agent.update', 'An agent was changed.'),
  ('agent_run.start', 'A run was started.'),
  ('agent_run.cancel', 'A run was canceled.'),
  ('job.retry', 'A dead job was queued again.');
-- Entries from before stand as they are.
alter table public.audit_entries
  add constraint audit_entries_action foreign key (action) references public.audit_actions (name) not valid,
  drop constraint audit_entries_actor_kind_check,
  add constraint audit_entries_actor_kind_check check (actor_kind in ('USER', 'API_KEY', 'OPERATOR', 'WORKER', 'SYSTEM')) not valid;
alter table public.events
  drop constraint events_actor_kind_check,
  add constraint events_actor_kind_check check (actor_kind in ('USER', 'API_KEY', 'OPERATOR', 'WORKER', 'SYSTEM')) not valid;
comment on column public.audit_entries.actor_id is 'The user, the API key or the operator, as the kind says; of a worker the user on whose behalf. Null for the system.';
comment on column public.events.actor_id is 'The user, the API key or the operator, as the kind says; of a worker the user on whose behalf. Null for the system.';
-- `auditLog` by action and by actor.
create index audit_entries_by_action on public.audit_entries (workspace_id, action, seq);
create index audit_entries_by_actor on public.audit_entries (workspace_id, actor_id, seq);

insert into public.event_types (name, description, schema)
select name, description,
  jsonb_build_object('$schema', 'https://json-schema.org/draft/2020-12/schema', 'type', 'object',
    'properties', properties, 'required', (select coalesce(jsonb_agg(key), '[]') from jsonb_object_keys(properties) as key))
from (values
  ('workspace.updated', 'A workspace got another name or slug.', '{"name": {"type": "string"}, "slug": {"type": "string"}}'::jsonb),
  ('workspace.deletion_requested', 'The workspace is read-only, and is removed at this time unless it is restored.', '{"purge_at": {"type": "string", "format": "date-time"}}'),
  ('workspace.restored', 'The deletion of the workspace was called off.', '{}'),
  ('membership.created', 'Somebody became a member.', '{"user_id": {"type": "string"}, "role_id": {"type": "string"}}'),
  ('membership.updated', 'A member''s role or status was changed.', '{"user_id": {"type": "string"}, "role_id": {"type": "string"}, "status": {"type": "string"}}'),
  ('membership.removed', 'A member was removed, or left.', '{"user_id": {"type": "string"}}'),
  ('invitation.created', 'Somebody was invited.', '{"role_id": {"type": "string"}}'),
  ('invitation.accepted', 'An invitation was accepted.', '{"membership_id": {"type": "string"}}'),
  ('invitation.revoked', 'An invitation was withdrawn.', '{}'),
  ('role.created', 'A role was made.', '{"name": {"type": "string"}}'),
  ('role.updated', 'A role was changed.', '{"name": {"type": "string"}}'),
  ('role.deleted', 'A role was deleted.', '{"name": {"type": "string"}}'),
  ('api_key.created', 'An API key was made.', '{"name": {"type": "string"}}'),
  ('api_key.revoked', 'An API key was revoked.', '{"name": {"type": "string"}}'),
  ('operator.entered', 'An operator entered the workspace, until this time at most.', '{"reason": {"type": "string"}, "expires_at": {"type": "string", "format": "date-time"}}'),
  ('operator.left', 'An operator''s entry has ended.', '{}')
) as catalogue (name, description, properties)
on conflict (name) do nothing;

create function app.type_id(p_prefix text, p_id uuid) returns text language sql immutable strict set search_path = ''
return p_prefix || '_' || (
  select string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + substr(bits, 5 * place + 1, 5)::bit(5)::integer, 1), '' order by place)
  from (select '00' || ('x' || replace(p_id::text, '-', ''))::bit(128)::text as bits) id, generate_series(0, 25) place);
comment on function app.type_id(text, uuid) is 'An id as clients see it (TypeID, version 0.3.0), for entries and mails that a door writes.';

drop function app.append_envelopes(jsonb, jsonb);
create function app.extend_chain(p_workspace uuid, p_actor uuid, p_kind text, p_role text, p_events jsonb, p_audit jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_head public.workspace_sequences;
  v_item jsonb;
  v_entry public.audit_entries;
begin
  -- The lock that makes order commit order. It is the last one that an operation takes.
  select * into v_head from public.workspace_sequences s where s.workspace_id = p_workspace for update;
  if not found then
    raise exception 'envelopes need a workspace' using errcode = 'FN002';
  end if;
  for v_item in select value from jsonb_array_elements(p_events) loop
    v_head.event_seq := v_head.event_seq + 1;
    insert into public.events (workspace_id, id, seq, type, subject, data, actor_id, actor_kind, correlation_id, causation_id)
    values (p_workspace, (v_item ->> 'id')::uuid, v_head.event_seq, v_item ->> 'type', v_item ->> 'subject', v_item -> 'data',
      p_actor, p_kind, v_item ->> 'correlation_id', (v_item ->> 'causation_id')::uuid);
  end loop;
  for v_item in select value from jsonb_array_elements(p_audit) loop
    v_head.audit_seq := v_head.audit_seq + 1;
    v_entry := row(p_workspace, (v_item ->> 'id')::uuid, v_head.audit_seq, p_actor, p_kind, p_role, v_item ->> 'action',
      v_item -> 'targets', nullif(v_item -> 'before', 'null'), nullif(v_item -> 'after', 'null'), v_item ->> 'request_id',
      v_head.audit_hash, null, now());
    v_entry.hash := app.audit_hash(v_head.audit_hash, v_entry);
    v_head.audit_hash := v_entry.hash;
    insert into public.audit_entries select v_entry.*;
  end loop;
  update public.workspace_sequences s
  set event_seq = v_head.event_seq, audit_seq = v_head.audit_seq, audit_hash = v_head.audit_hash
  where s.workspace_id = p_workspace;
end
$$;
comment on function app.extend_chain(uuid, uuid, text, text, jsonb, jsonb) is
  'Numbers and writes events and audit entries of a workspace. Only doors may call it.';

create function app.append_envelopes(p_events jsonb, p_audit jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform app.extend_chain(app.workspace_id(),
    case when app.in_job() then app.actor_id() else coalesce(app.operator_id(), app.api_key_id(), app.actor_id()) end,
    case when app.in_job() then 'WORKER' when app.operator_id() is not null then 'OPERATOR' when app.api_key_id() is not null then 'API_KEY'
      when app.actor_id() is null then 'SYSTEM' else 'USER' end,
    nullif(current_setting('app.role', true), ''), p_events, p_audit);
end
$$;
comment on function app.append_envelopes(jsonb, jsonb) is
  'Door: numbers and writes an operation''s events and audit entries. Privileged because nobody else may insert them; it takes workspace, actor and role from the context.';

drop function app.create_workspace(uuid, text, text, uuid, text, uuid);
create function app.create_workspace(p_id uuid, p_slug text, p_name text, p_member uuid, p_role text, p_membership uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
  v_audit jsonb := '[]';
begin
  insert into public.workspaces (id, slug, name) values (p_id, p_slug, p_name)
  on conflict (slug) do update set name = excluded.name returning id into v_id;
  insert into public.workspace_sequences (workspace_id) values (v_id) on conflict do nothing;
  if found then
    v_audit := v_audit || jsonb_build_object('id', app.uuid_v7(), 'action', 'workspace.create', 'request_id', 'command',
      'targets', jsonb_build_array(app.type_id('workspace', v_id)), 'after', jsonb_build_object('name', p_name, 'slug', p_slug));
  end if;
  insert into public.memberships (workspace_id, id, user_id, role_id)
  select v_id, p_membership, p_member, r.id from public.roles r where r.workspace_id = v_id and r.built_in = p_role
  on conflict (workspace_id, user_id) do nothing;
  if found then
    v_audit := v_audit || jsonb_build_object('id', app.uuid_v7(), 'action', 'membership.create', 'request_id', 'command',
      'targets', jsonb_build_array(app.type_id('membership', p_membership)), 'after', jsonb_build_object('role', p_role));
  end if;
  perform app.extend_chain(v_id, null, 'SYSTEM', null, '[]', v_audit);
  return v_id;
end
$$;
comment on function app.create_workspace(uuid, text, text, uuid, text, uuid) is
  'Door for the command line: makes a workspace, or finds it by slug, and a membership in it. Sees across tenants because it makes one.';

revoke execute on function app.type_id(text, uuid), app.extend_chain(uuid, uuid, text, text, jsonb, jsonb), app.append_envelopes(jsonb, jsonb),
  app.create_workspace(uuid, text, text, uuid, text, uuid) from public;
grant execute on function app.type_id(text, uuid) to footnote_owner, footnote_system, footnote_maintenance;
grant execute on function app.append_envelopes(jsonb, jsonb) to footnote_app, footnote_worker;
alter function app.extend_chain(uuid, uuid, text, text, jsonb, jsonb) owner to footnote_system;
alter function app.append_envelopes(jsonb, jsonb) owner to footnote_system;
alter function app.create_workspace(uuid, text, text, uuid, text, uuid) owner to footnote_system;
