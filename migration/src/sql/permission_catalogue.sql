create table public.permissions (
  name text primary key check (name ~ '^[a-z_]+:[a-z]+$'),
  description text not null,
  operator boolean not null default false
);
comment on table public.permissions is 'The catalogue of permissions. Global: the same for every tenant.';
comment on column public.permissions.name is 'object:verb.';
comment on column public.permissions.description is 'What it lets somebody do.';
comment on column public.permissions.operator is 'Whether an operator who has entered a workspace has it.';
alter table public.permissions enable row level security, force row level security;
create policy everyone on public.permissions for select to footnote_app, footnote_worker, footnote_system using (true);
create policy migrations on public.permissions to footnote_owner using (true) with check (true);
grant select on public.permissions to footnote_app, footnote_worker, footnote_system, footnote_maintenance;

insert into public.permissions (name, description, operator) values
  ('workspace:read', 'See the workspace.', true),
  ('workspace:write', 'Change its name and its slug.', false),
  ('workspace:own', 'Delete and restore it, hand over its ownership, and end an operator''s entry.', false),
  ('member:read', 'See members, roles and invitations.', true),
  ('member:write', 'Invite people, change the roles of members, suspend and remove them.', false),
  ('role:write', 'Make, change and delete the workspace''s own roles.', false),
  ('api_key:read', 'See API keys, but never the keys themselves.', true),
  ('api_key:write', 'Make, rename and revoke API keys.', false),
  ('audit:read', 'See and verify the audit log, and see operators'' entries.', true),
  ('event:read', 'See events.', true),
  ('document:read', 'See collections, documents, passages and ingestions, and search.', true),
  ('document:write', 'Make, change and delete documents.', false),
  ('collection:write', 'Make, change and delete collections.', false),
  ('agent:read', 'See agents.', true),
  ('agent:write', 'Make and change agents.', false),
  ('agent_run:read', 'See runs and what they left behind.', true),
  ('agent_run:write', 'Start and cancel runs.', false),
  ('job:read', 'See jobs.', true),
  ('job:write', 'Queue dead jobs again.', true);

-- The name is the workspaces' from here on.
alter table public.roles rename to built_in_roles;
alter table public.built_in_roles rename constraint roles_pkey to built_in_roles_pkey;

insert into public.role_permissions (role, permission)
select role, permission
from (values
  ('workspace:write', array['OWNER', 'ADMIN']),
  ('workspace:own', array['OWNER']),
  ('member:write', array['OWNER', 'ADMIN']),
  ('role:write', array['OWNER', 'ADMIN']),
  ('api_key:read', array['OWNER', 'ADMIN']),
  ('api_key:write', array['OWNER', 'ADMIN'])
) as map (permission, roles), unnest(roles) as role;
alter table public.role_permissions
  add constraint role_permissions_permission foreign key (permission) references public.permissions (name);
