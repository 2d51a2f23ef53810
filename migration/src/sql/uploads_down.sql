-- The owner sees no row while row-level security is forced; the tables are locked until the migration has ended.
alter table public.jobs no force row level security;
alter table public.ingestions no force row level security;
alter table public.document_versions no force row level security;
alter table public.document_versions disable trigger keep_version;

delete from public.jobs where kind in ('upload.expire', 'upload.sweep');
update public.ingestions set status = 'FAILED', failure_class = 'INTERNAL', failure_message = 'Its upload was withdrawn.', wait_reason = null,
  finished_at = now() where wait_reason = 'UPLOAD';
update public.ingestions set wait_reason = 'RETRY' where wait_reason = 'OBJECTS';
update public.ingestions set failure_class = 'INTERNAL' where failure_class in ('UPLOAD_EXPIRED', 'OBJECTS_ERROR');
update public.document_versions set source = coalesce(text, ''), content_hash = coalesce(content_hash, sha256('')) where source is null;

alter table public.document_versions enable trigger keep_version;
alter table public.document_versions force row level security;
alter table public.ingestions force row level security;
alter table public.jobs force row level security;

drop function app.enter_upload(bytea);
drop table public.uploads;

alter table public.ingestions drop constraint ingestions_wait_reason_check, drop constraint ingestions_failure_class_check;
alter table public.ingestions
  add constraint ingestions_wait_reason_check check (wait_reason in ('QUEUE', 'RETRY', 'EMBEDDINGS', 'VECTORS')),
  add constraint ingestions_failure_class_check
    check (failure_class in ('EMPTY_DOCUMENT', 'MALFORMED_DOCUMENT', 'TOO_LARGE', 'POLICY_DENIED', 'EMBEDDING_ERROR', 'INDEX_ERROR',
      'TIMEOUT', 'INTERNAL'));

create or replace function app.keep_version() returns trigger language plpgsql set search_path = '' as $$
begin
  -- A version is written twice: when it is sent, and when it is parsed.
  if old.text is not null or (new.workspace_id, new.id, new.document_id, new.ordinal, new.format, new.source, new.content_hash)
      is distinct from (old.workspace_id, old.id, old.document_id, old.ordinal, old.format, old.source, old.content_hash) then
    raise exception 'a version is immutable' using errcode = 'FN005';
  end if;
  return new;
end
$$;
comment on column public.document_versions.source is 'What was sent.';
comment on column public.document_versions.content_hash is 'SHA-256 of format and source.';
alter table public.document_versions alter column source set not null, alter column content_hash set not null;

do $$
begin
  delete from public.event_types where name = 'document.uploaded';
exception when foreign_key_violation then
  -- Such events were published, and events are never removed.
  null;
end
$$;
