drop function app.create_workspace(uuid, text, text, uuid, text, uuid);
drop function app.append_envelopes(jsonb, jsonb);
drop function app.extend_chain(uuid, uuid, text, text, jsonb, jsonb);
drop function app.type_id(text, uuid);

create function app.append_envelopes(p_events jsonb, p_audit jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_workspace uuid := app.workspace_id();
  v_actor uuid := app.actor_id();
  v_kind text := case when app.in_job() then 'WORKER' when app.actor_id() is null then 'SYSTEM' else 'USER' end;
  v_role text := nullif(current_setting('app.role', true), '');
  v_head public.workspace_sequences;
  v_item jsonb;
  v_entry public.audit_entries;
begin
  -- The lock that makes order commit order. It is the last one that an operation takes.
  select * into v_head from public.workspace_sequences s where s.workspace_id = v_workspace for update;
  if not found then
    raise exception 'envelopes need a workspace' using errcode = 'FN002';
  end if;
  for v_item in select value from jsonb_array_elements(p_events) loop
    v_head.event_seq := v_head.event_seq + 1;
    insert into public.events (workspace_id, id, seq, type, subject, data, actor_id, actor_kind, correlation_id, causation_id)
    values (v_workspace, (v_item ->> 'id')::uuid, v_head.event_seq, v_item ->> 'type', v_item ->> 'subject', v_item -> 'data',
      v_actor, v_kind, v_item ->> 'correlation_id', (v_item ->> 'causation_id')::uuid);
  end loop;
  for v_item in select value from jsonb_array_elements(p_audit) loop
    v_head.audit_seq := v_head.audit_seq + 1;
    v_entry := row(v_workspace, (v_item ->> 'id')::uuid, v_head.audit_seq, v_actor, v_kind, v_role, v_item ->> 'action',
      v_item -> 'targets', nullif(v_item -> 'before', 'null'), nullif(v_item -> 'after', 'null'), v_item ->> 'request_id',
      v_head.audit_hash, null, now());
    v_entry.hash := app.audit_hash(v_head.audit_hash, v_entry);
    v_head.audit_hash := v_entry.hash;
    insert into public.audit_entries select v_entry.*;
  end loop;
  update public.workspace_sequences s
  set event_seq = v_head.event_seq, audit_seq = v_head.audit_seq, audit_hash = v_head.audit_hash
  where s.workspace_id = v_workspace;
end
$$;
comment on function app.append_envelopes(jsonb, jsonb) is
  'Door: numbers and writes an operation''s events and audit entries. Privileged because nobody else may insert them; it takes workspace, actor and role from the context.';

create function app.create_workspace(p_id uuid, p_slug text, p_name text, p_owner uuid, p_role text, p_membership uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
begin
  insert into public.workspaces (id, slug, name) values (p_id, p_slug, p_name)
  on conflict (slug) do update set name = excluded.name returning id into v_id;
  insert into public.workspace_sequences (workspace_id) values (v_id) on conflict do nothing;
  insert into public.memberships (workspace_id, id, user_id, role) values (v_id, p_membership, p_owner, p_role)
  on conflict (workspace_id, user_id) do nothing;
  return v_id;
end
$$;
comment on function app.create_workspace(uuid, text, text, uuid, text, uuid) is
  'Door for the command line: makes a workspace, or finds it by slug, and a membership in it. Sees across tenants because it makes one.';

revoke execute on function app.append_envelopes(jsonb, jsonb), app.create_workspace(uuid, text, text, uuid, text, uuid) from public;
grant execute on function app.append_envelopes(jsonb, jsonb) to footnote_app, footnote_worker;
alter function app.append_envelopes(jsonb, jsonb) owner to footnote_system;
alter function app.create_workspace(uuid, text, text, uuid, text, uuid) owner to footnote_system;

-- Types and kinds that were used stay: neither events nor audit entries are ever changed.
do $$
declare
  v_type text;
begin
  for v_type in select unnest(array['workspace.updated', 'workspace.deletion_requested', 'workspace.restored', 'membership.created',
    'membership.updated', 'membership.removed', 'invitation.created', 'invitation.accepted', 'invitation.revoked', 'role.created',
    'role.updated', 'role.deleted', 'api_key.created', 'api_key.revoked', 'operator.entered', 'operator.left']) loop
    begin
      delete from public.event_types where name = v_type;
    exception when foreign_key_violation then
      null;
    end;
  end loop;
  alter table public.events drop constraint events_actor_kind_check;
  begin
    alter table public.events add constraint events_actor_kind_check check (actor_kind in ('USER', 'WORKER', 'SYSTEM'));
  exception when check_violation then
    alter table public.events add constraint events_actor_kind_check check (actor_kind in ('USER', 'WORKER', 'SYSTEM')) not valid;
  end;
  alter table public.audit_entries drop constraint audit_entries_action, drop constraint audit_entries_actor_kind_check;
  begin
    alter table public.audit_entries add constraint audit_entries_actor_kind_check check (actor_kind in ('USER', 'WORKER', 'SYSTEM'));
  exception when check_violation then
    alter table public.audit_entries add constraint audit_entries_actor_kind_check check (actor_kind in ('USER', 'WORKER', 'SYSTEM')) not valid;
  end;
end
$$;
drop index public.audit_entries_by_action;
drop index public.audit_entries_by_actor;
comment on column public.audit_entries.actor_id is 'The user; null for the system.';
comment on column public.events.actor_id is 'The user on whose behalf; null for the system.';
drop table public.audit_actions;
