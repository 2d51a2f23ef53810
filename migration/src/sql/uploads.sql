-- The door below. Not unique: a unique key over all tenants would tell them of each other.
create index uploads_by_token on public.uploads (token_hash);
-- The uploads of a document, when it is deleted.
create index uploads_of_document on public.uploads (workspace_id, document_id);

alter table public.document_versions alter column source drop not null, alter column content_hash drop not null;
comment on column public.document_versions.source is 'What was sent as text; null where the original is an object of an upload.';
comment on column public.document_versions.content_hash is 'SHA-256 of format and source; null until an upload is parsed.';

create or replace function app.keep_version() returns trigger language plpgsql set search_path = '' as $$
begin
  -- A version is written twice: when it is sent, and when it is parsed. What was uploaded gets its hash then, too.
  if old.text is not null or (new.workspace_id, new.id, new.document_id, new.ordinal, new.format, new.source)
      is distinct from (old.workspace_id, old.id, old.document_id, old.ordinal, old.format, old.source)
      or (old.content_hash is not null and new.content_hash is distinct from old.content_hash) then
    raise exception 'a version is immutable' using errcode = 'FN005';
  end if;
  return new;
end
$$;

alter table public.ingestions drop constraint ingestions_wait_reason_check, drop constraint ingestions_failure_class_check;
alter table public.ingestions
  add constraint ingestions_wait_reason_check
    check (wait_reason in ('QUEUE', 'RETRY', 'EMBEDDINGS', 'VECTORS', 'UPLOAD', 'OBJECTS')) not valid,
  add constraint ingestions_failure_class_check
    check (failure_class in ('EMPTY_DOCUMENT', 'MALFORMED_DOCUMENT', 'TOO_LARGE', 'POLICY_DENIED', 'EMBEDDING_ERROR', 'INDEX_ERROR',
      'TIMEOUT', 'INTERNAL', 'UPLOAD_EXPIRED', 'OBJECTS_ERROR')) not valid;

insert into public.event_types (name, description, schema)
values ('document.uploaded', 'The bytes of a version arrived; its text is not searchable yet.',
  '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
    "properties": {"document_version_id": {"type": "string"}, "size_bytes": {"type": "integer"}},
    "required": ["document_version_id", "size_bytes"]}')
on conflict (name) do nothing;

create function app.enter_upload(p_token_hash bytea)
returns table (workspace_id uuid, actor_id uuid, role text, permissions text)
language plpgsql security definer set search_path = '' as $$
declare
  v_upload public.uploads;
  v_role text;
  v_permissions text;
begin
  select * into v_upload from public.uploads u
  where u.token_hash = p_token_hash and u.expires_at > clock_timestamp() and u.status in ('PENDING', 'STORED');
  -- The permissions of whoever asked for it as they are now, not as they were.
  select m.role into v_role from public.memberships m
  where m.workspace_id = v_upload.workspace_id and m.user_id = v_upload.actor_id and m.status = 'ACTIVE';
  select string_agg(p.permission, ',' order by p.permission) into v_permissions
  from public.role_permissions p where p.role = v_role;
  -- One answer for what never was, has expired, was withdrawn, or is not theirs any more.
  if not coalesce('document:write' = any (string_to_array(v_permissions, ',')), false) then
    raise exception 'no such upload' using errcode = 'FN030';
  end if;
  perform app.enter(v_upload.workspace_id, v_upload.actor_id, v_role, v_permissions, null);
  return query select v_upload.workspace_id, v_upload.actor_id, v_role, v_permissions;
end
$$;
comment on function app.enter_upload(bytea) is
  'Door: lets the holder of an upload''s token act as whoever asked for it, with the permissions of now. Sees across tenants because the token is all that is known.';
revoke execute on function app.enter_upload(bytea) from public;
grant execute on function app.enter_upload(bytea) to footnote_app;
alter function app.enter_upload(bytea) owner to footnote_system;
