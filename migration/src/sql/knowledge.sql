alter table public.documents add constraint documents_current_version
  foreign key (workspace_id, id, current_version_id) references public.document_versions (workspace_id, document_id, id);
-- `documents(collectionId)`, newest first.
create index documents_of_collection on public.documents (workspace_id, collection_id, id) where deleted_at is null;
-- `documents`, newest first.
create index documents_live on public.documents (workspace_id, id) where deleted_at is null;
-- `ingestions(status)`, newest first.
create index ingestions_by_status on public.ingestions (workspace_id, status, id);
-- The newest ingestion of a document.
create index ingestions_of_document on public.ingestions (workspace_id, document_id, id);
-- Vectors of unchanged passages of earlier versions.
create index chunks_by_text on public.chunks (workspace_id, document_id, text_hash);
create index chunk_embeddings_of_chunk on public.chunk_embeddings (workspace_id, chunk_id);
create unique index embedding_indexes_active on public.embedding_indexes (workspace_id) where status = 'ACTIVE';

create function app.keep_version() returns trigger language plpgsql set search_path = '' as $$
begin
  -- A version is written twice: when it is sent, and when it is parsed.
  if old.text is not null or (new.workspace_id, new.id, new.document_id, new.ordinal, new.format, new.source, new.content_hash)
      is distinct from (old.workspace_id, old.id, old.document_id, old.ordinal, old.format, old.source, old.content_hash) then
    raise exception 'a version is immutable' using errcode = 'FN005';
  end if;
  return new;
end
$$;
comment on function app.keep_version() is 'Trigger: a version''s text is set once and never changed.';
revoke execute on function app.keep_version() from public;
create trigger keep_version before update on public.document_versions for each row execute function app.keep_version();
