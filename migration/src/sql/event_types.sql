create table public.event_types (
  name text primary key check (name ~ '^[a-z_]+[.][a-z_]+$'),
  description text not null,
  schema jsonb not null,
  version integer not null default 1,
  deprecated_at timestamptz
);
comment on table public.event_types is 'The catalogue of events. Global: the same for every tenant.';
comment on column public.event_types.name is 'object.verb, in the past tense.';
comment on column public.event_types.description is 'When it is published.';
comment on column public.event_types.schema is 'JSON Schema of the event''s data.';
comment on column public.event_types.version is 'Counts changes of the schema.';
comment on column public.event_types.deprecated_at is 'When it was deprecated; null while current.';
alter table public.event_types enable row level security, force row level security;
create policy everyone on public.event_types for select to footnote_app, footnote_worker, footnote_system using (true);
create policy migrations on public.event_types to footnote_owner using (true) with check (true);
grant select on public.event_types to footnote_app, footnote_worker, footnote_system, footnote_maintenance;

insert into public.event_types (name, description, schema)
select name, description,
  jsonb_build_object('$schema', 'https://json-schema.org/draft/2020-12/schema', 'type', 'object',
    'properties', properties, 'required', (select jsonb_agg(key) from jsonb_object_keys(properties) as key))
from (values
  ('collection.created', 'A collection was made.', '{"name": {"type": "string"}}'::jsonb),
  ('document.created', 'A document was made; its text is not searchable yet.', '{"title": {"type": "string"}}'),
  ('document.updated', 'A document''s title or text was changed.', '{"title": {"type": "string"}}'),
  ('document.deleted', 'A document was deleted.', '{"title": {"type": "string"}}'),
  ('document.published', 'A version of a document became the one that search finds.', '{"document_version_id": {"type": "string"}, "chunks": {"type": "integer"}}'),
  ('ingestion.failed', 'A version could not be ingested; the earlier one stays in service.', '{"failure_class": {"type": "string"}, "message": {"type": "string"}}'),
  ('agent.created', 'An agent was made.', '{"name": {"type": "string"}}'),
  ('agent.updated', 'An agent was changed.', '{"name": {"type": "string"}}'),
  ('agent_run.started', 'A run was queued.', '{"agent_id": {"type": "string"}}'),
  ('agent_run.finished', 'A run reached a terminal status.', '{"status": {"type": "string"}}'),
  ('job.died', 'A job failed for the last time and waits for an operator.', '{"kind": {"type": "string"}, "failure_class": {"type": "string"}}'),
  ('job.retried', 'A dead job was queued again.', '{"kind": {"type": "string"}}')
) as catalogue (name, description, properties);
