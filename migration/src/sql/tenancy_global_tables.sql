create table public.users (
  id uuid primary key,
  email text not null unique check (length(email) between 3 and 320 and email = lower(email)),
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default now()
);
comment on table public.users is 'A person. Global: one person may belong to many workspaces. Visible to itself and to co-members.';
comment on column public.users.id is 'UUID version 7, made by the application.';
comment on column public.users.email is 'Lower case; unique over all workspaces, so only doors write it.';
comment on column public.users.name is 'The name to show.';
comment on column public.users.created_at is 'When the person signed up.';

create table public.workspaces (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null check (length(name) between 1 and 200),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.workspaces is 'A tenant. Global: its id is the tenant.';
comment on column public.workspaces.id is 'UUID version 7; the workspace_id of every tenant row.';
comment on column public.workspaces.slug is 'The name in addresses and in the X-Workspace header; unique over all tenants.';
comment on column public.workspaces.name is 'The name to show.';
comment on column public.workspaces.version is 'Counts changes, for optimistic locking.';
comment on column public.workspaces.created_at is 'When the workspace was made.';
comment on column public.workspaces.updated_at is 'When the row was last changed.';

create table public.roles (
  name text primary key,
  description text not null
);
comment on table public.roles is 'The built-in roles. Global: the same for every tenant.';
comment on column public.roles.name is 'OWNER, ADMIN, MEMBER or VIEWER.';
comment on column public.roles.description is 'What the role is for.';

create table public.role_permissions (
  role text not null references public.roles (name),
  permission text not null check (permission ~ '^[a-z_]+:[a-z]+$'),
  primary key (role, permission)
);
comment on table public.role_permissions is 'The permission map. Global: the built-in roles are the same for every tenant.';
comment on column public.role_permissions.role is 'The role.';
comment on column public.role_permissions.permission is 'What the role may do, as object:verb.';

create table public.sessions (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index sessions_user_id on public.sessions (user_id);
comment on table public.sessions is 'A signed-in session. Global: it stands before any workspace is chosen. Only doors see it.';
comment on column public.sessions.id is 'The sid claim of the tokens minted for it.';
comment on column public.sessions.user_id is 'Who signed in.';
comment on column public.sessions.created_at is 'When the session began.';
comment on column public.sessions.expires_at is 'After this moment no door lets it in.';
comment on column public.sessions.revoked_at is 'When it was signed out; null while alive. Takes effect at the next operation.';

create table public.workspace_sequences (
  workspace_id uuid primary key references public.workspaces (id),
  event_seq bigint not null default 0,
  audit_seq bigint not null default 0,
  audit_hash bytea not null default '\x'
);
comment on table public.workspace_sequences is 'The counters of a workspace; its row is locked last in a mutation, so order is commit order. Only doors see it.';
comment on column public.workspace_sequences.workspace_id is 'The tenant.';
comment on column public.workspace_sequences.event_seq is 'The seq of the last event.';
comment on column public.workspace_sequences.audit_seq is 'The seq of the last audit entry.';
comment on column public.workspace_sequences.audit_hash is 'The hash of the last audit entry: the head of the chain.';

alter table public.users enable row level security, force row level security;
alter table public.workspaces enable row level security, force row level security;
alter table public.roles enable row level security, force row level security;
alter table public.role_permissions enable row level security, force row level security;
alter table public.sessions enable row level security, force row level security;
alter table public.workspace_sequences enable row level security, force row level security;

grant select on public.users, public.workspaces, public.roles, public.role_permissions to footnote_app, footnote_worker;
grant select on public.users, public.workspaces, public.roles, public.role_permissions, public.sessions,
  public.workspace_sequences to footnote_maintenance;
grant select, insert, update on public.users, public.workspaces, public.sessions, public.workspace_sequences to footnote_system;
grant select on public.roles, public.role_permissions to footnote_system;

create policy doors on public.users to footnote_system using (true) with check (true);
create policy doors on public.workspaces to footnote_system using (true) with check (true);
create policy doors on public.sessions to footnote_system using (true) with check (true);
create policy doors on public.workspace_sequences to footnote_system using (true) with check (true);
create policy own_workspace on public.workspaces for select to footnote_app, footnote_worker
  using (id = (select app.workspace_id()));
create policy everyone on public.roles for select to footnote_app, footnote_worker, footnote_system using (true);
create policy everyone on public.role_permissions for select to footnote_app, footnote_worker, footnote_system using (true);
-- Reference data is written by migrations, which run as the owner.
create policy migrations on public.roles to footnote_owner using (true) with check (true);
create policy migrations on public.role_permissions to footnote_owner using (true) with check (true);

insert into public.roles (name, description) values
  ('OWNER', 'Everything, ownership included.'),
  ('ADMIN', 'Everything but ownership.'),
  ('MEMBER', 'Works with documents and runs agents.'),
  ('VIEWER', 'Reads.');
insert into public.role_permissions (role, permission)
select role, permission
from (values
  ('workspace:read', array['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']),
  ('member:read', array['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']),
  ('event:read', array['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']),
  ('document:read', array['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']),
  ('document:write', array['OWNER', 'ADMIN', 'MEMBER']),
  ('collection:write', array['OWNER', 'ADMIN', 'MEMBER']),
  ('agent:read', array['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']),
  ('agent:write', array['OWNER', 'ADMIN']),
  ('agent_run:read', array['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']),
  ('agent_run:write', array['OWNER', 'ADMIN', 'MEMBER']),
  ('job:read', array['OWNER', 'ADMIN']),
  ('job:write', array['OWNER', 'ADMIN']),
  ('audit:read', array['OWNER', 'ADMIN'])
) as map (permission, roles), unnest(roles) as role;
