alter table public.workspaces drop column purge_at;
drop trigger make_built_in_roles on public.workspaces;
drop function app.make_built_in_roles();
drop table public.roles;
drop function app.uuid_v7();

delete from public.role_permissions
where permission in ('workspace:write', 'workspace:own', 'member:write', 'role:write', 'api_key:read', 'api_key:write');
alter table public.role_permissions drop constraint role_permissions_permission;
drop table public.permissions;
alter table public.built_in_roles rename to roles;
alter table public.roles rename constraint built_in_roles_pkey to roles_pkey;
alter table public.memberships add constraint memberships_role_fkey foreign key (role) references public.roles (name);
comment on column public.memberships.role is 'The role that the member has.';
