insert into public.users (id, email, name, created_at)
select pg_temp.id(ms, '002', w, n), 'user' || n || '@bench-' || w || '.example', 'User ' || n, pg_temp.at(ms) from tenants, generate_series(0, 2) n;
insert into public.workspaces (id, slug, name, created_at, updated_at)
select id, 'bench-' || w, 'Bench ' || w, pg_temp.at(ms), pg_temp.at(ms) from tenants;
insert into public.workspace_sequences (workspace_id) select id from tenants;
insert into public.sessions (id, user_id, created_at, expires_at)
select pg_temp.id(ms, '003', w, 0), owner, pg_temp.at(ms), now() + interval '10 years' from tenants;
insert into public.roles (workspace_id, id, name, built_in, created_at, updated_at)
select id, pg_temp.id(ms, '010', w, n), role, role, pg_temp.at(ms), pg_temp.at(ms)
from tenants, unnest(array['OWNER', 'MEMBER', 'VIEWER', 'ADMIN']) with ordinality as built_in (role, n);
insert into public.memberships (workspace_id, id, user_id, role_id, created_at, updated_at)
select id, pg_temp.id(ms, '004', w, n), pg_temp.id(ms, '002', w, n), pg_temp.id(ms, '010', w, n + 1), pg_temp.at(ms), pg_temp.at(ms)
from tenants, generate_series(0, 2) n;
insert into public.collections (workspace_id, id, name, created_at, updated_at)
select id, pg_temp.id(ms, '005', w, n), 'Collection ' || n, pg_temp.at(ms), pg_temp.at(ms) from tenants, generate_series(0, 1) n;
