-- The database roles of Footnote. Roles belong to the whole cluster, so no migration creates or drops them.
-- Run by `footnote bootstrap` and by the embedded default, as a privileged role connected to Footnote's database.
-- Idempotent. Passwords are set separately, by bootstrap, and are not part of this file.

do $$
begin
  -- Owns the tables and runs migrations. NOINHERIT: it may hand the doors over to footnote_system (SET ROLE),
  -- but none of that role's policies apply to it.
  if not exists (select from pg_roles where rolname = 'footnote_owner') then
    create role footnote_owner login noinherit;
  end if;
  -- Serves requests: rows under row-level security, and nothing else.
  if not exists (select from pg_roles where rolname = 'footnote_app') then
    create role footnote_app login;
  end if;
  -- Runs jobs: as footnote_app, plus EXECUTE on the job doors.
  if not exists (select from pg_roles where rolname = 'footnote_worker') then
    create role footnote_worker login;
  end if;
  -- Backfills, validation of foreign keys and dumps: under FORCE ROW LEVEL SECURITY the owner sees no rows.
  if not exists (select from pg_roles where rolname = 'footnote_maintenance') then
    create role footnote_maintenance login bypassrls;
  end if;
  -- Owns the SECURITY DEFINER doors. Nobody logs in as it.
  if not exists (select from pg_roles where rolname = 'footnote_system') then
    create role footnote_system nologin;
  end if;
end
$$;

grant footnote_system to footnote_owner;

do $$
begin
  execute format('alter database %I owner to footnote_owner', current_database());
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to footnote_app, footnote_worker, footnote_maintenance', current_database());
end
$$;

revoke create on schema public from public;
grant usage on schema public to footnote_app, footnote_worker, footnote_maintenance, footnote_system;
grant create, usage on schema public to footnote_owner;
