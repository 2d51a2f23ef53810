create schema app;
grant usage on schema app to footnote_app, footnote_worker, footnote_maintenance, footnote_system;
-- The doors are handed over to footnote_system, which PostgreSQL allows only to a role that may create in the schema.
grant create on schema app to footnote_system;

-- Helpers that policies call: plain SQL without SET, so that the planner inlines them. A setting that was local to an
-- earlier transaction reads as '', not as NULL, hence the nullif.
create function app.workspace_id() returns uuid language sql stable parallel safe
  return nullif(current_setting('app.workspace_id', true), '')::uuid;
create function app.actor_id() returns uuid language sql stable parallel safe
  return nullif(current_setting('app.actor_id', true), '')::uuid;
create function app.can(permission text) returns boolean language sql stable parallel safe
  return coalesce(permission = any (string_to_array(nullif(current_setting('app.permissions', true), ''), ',')), false);
create function app.in_job() returns boolean language sql stable parallel safe
  return coalesce(nullif(current_setting('app.job_id', true), '') is not null, false);

comment on function app.workspace_id() is 'The workspace of the context; null outside one.';
comment on function app.actor_id() is 'The user who acts; null outside a context.';
comment on function app.can(text) is 'Whether the actor of the context has a permission in its workspace.';
comment on function app.in_job() is 'Whether the context is a job''s.';
grant execute on function app.workspace_id(), app.actor_id(), app.can(text), app.in_job()
  to footnote_owner, footnote_app, footnote_worker, footnote_maintenance, footnote_system;
