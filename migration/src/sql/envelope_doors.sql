-- Append-only for everybody, doors included.
create function app.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception 'rows of % are never changed', tg_table_name using errcode = 'FN005';
end
$$;
comment on function app.refuse_change() is 'Trigger: refuses to change or remove rows of an append-only table.';
create trigger append_only before update or delete on public.events for each row execute function app.refuse_change();
create trigger append_only before update or delete on public.audit_entries for each row execute function app.refuse_change();

create function app.audit_hash(p_previous bytea, p_entry public.audit_entries) returns bytea
language sql stable set search_path = ''
return sha256(p_previous || convert_to(jsonb_build_object(
  'workspace_id', p_entry.workspace_id, 'id', p_entry.id, 'seq', p_entry.seq, 'actor_id', p_entry.actor_id,
  'actor_kind', p_entry.actor_kind, 'actor_role', p_entry.actor_role, 'action', p_entry.action, 'targets', p_entry.targets,
  'before', p_entry.before, 'after', p_entry.after, 'request_id', p_entry.request_id,
  'created_at', to_char(p_entry.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'UTF8'));
comment on function app.audit_hash(bytea, public.audit_entries) is 'The hash of an audit entry, given the hash of the one before.';

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
revoke execute on function app.append_envelopes(jsonb, jsonb), app.audit_hash(bytea, public.audit_entries), app.refuse_change() from public;
grant execute on function app.audit_hash(bytea, public.audit_entries) to footnote_app, footnote_worker, footnote_system;
grant execute on function app.append_envelopes(jsonb, jsonb) to footnote_app, footnote_worker;
alter function app.append_envelopes(jsonb, jsonb) owner to footnote_system;
