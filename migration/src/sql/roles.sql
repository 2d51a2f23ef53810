create unique index roles_name on public.roles (workspace_id, lower(name));

create function app.uuid_v7() returns uuid language sql volatile set search_path = ''
return encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
  placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid;
comment on function app.uuid_v7() is 'An id for a row that a door or a trigger makes: a UUID version 7 (RFC 9562, section 5.7).';

create function app.make_built_in_roles() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.roles (workspace_id, id, name, built_in, description)
  select new.id, app.uuid_v7(), b.name, b.name, b.description from public.built_in_roles b;
  return null;
end
$$;
comment on function app.make_built_in_roles() is 'Trigger: a workspace begins with the built-in roles. Privileged because nobody has a permission in it yet.';
create trigger make_built_in_roles after insert on public.workspaces for each row execute function app.make_built_in_roles();

-- It reads the column that changes, and is made again below.
drop function app.workspaces_of_actor();

-- The owner sees no row while row-level security is forced; the tables are locked until the migration has ended.
alter table public.roles no force row level security;
alter table public.memberships no force row level security;
alter table public.workspaces no force row level security;
insert into public.roles (workspace_id, id, name, built_in, description)
select w.id, app.uuid_v7(), b.name, b.name, b.description from public.workspaces w, public.built_in_roles b;
-- In the column's own place, so that undoing it gives the same table.
alter table public.memberships drop constraint memberships_role_fkey;
alter table public.memberships rename column role to role_id;
create function app.role_named(p_workspace uuid, p_name text) returns uuid language sql stable set search_path = ''
return (select r.id from public.roles r where r.workspace_id = p_workspace and r.built_in = p_name);
alter table public.memberships alter column role_id type uuid using app.role_named(workspace_id, role_id);
drop function app.role_named(uuid, text);
alter table public.memberships add constraint memberships_role foreign key (workspace_id, role_id) references public.roles (workspace_id, id);
alter table public.roles force row level security;
alter table public.memberships force row level security;
alter table public.workspaces force row level security;
comment on column public.memberships.role_id is 'The role that the member has.';
-- `role { memberships }`, and whether a role is in use when it is deleted.
create index memberships_of_role on public.memberships (workspace_id, role_id);

alter table public.workspaces
  add column purge_at timestamptz;
comment on column public.workspaces.purge_at is 'When everything of it is removed, after its deletion was asked for; null while it lives.';

revoke execute on function app.uuid_v7(), app.make_built_in_roles() from public;
grant execute on function app.uuid_v7() to footnote_owner, footnote_system, footnote_maintenance;
alter function app.make_built_in_roles() owner to footnote_system;
