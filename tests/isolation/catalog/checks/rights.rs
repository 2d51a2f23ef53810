//! What the application's roles may do.

use super::{Check, Offence};

/// Rows, by policies, and nothing else.
pub const ROWS_ALONE: &[Check] = &[
    Check {
        name: "no TRUNCATE, REFERENCES or TRIGGER, and nothing to pass on",
        sql: "select distinct format('%s: %s for %s', name, verb, role) from granted
              where role in ('footnote_app', 'footnote_worker', 'footnote_system')
                and (verb not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or is_grantable)",
        add: "Do not grant it: TRUNCATE asks no policy, REFERENCES tells of invisible rows, TRIGGER runs as whoever writes.",
        offences: &[
            Offence { sql: "grant truncate on public.agents to footnote_app", named: "agents: TRUNCATE for footnote_app" },
            Offence { sql: "grant references (id) on public.agents to footnote_worker", named: "agents: REFERENCES for footnote_worker" },
            Offence { sql: "grant trigger on public.users to footnote_system", named: "users: TRIGGER for footnote_system" },
            Offence {
                sql: "grant select on public.agents to footnote_app with grant option",
                named: "agents: SELECT for footnote_app",
            },
        ],
    },
    Check {
        name: "nothing is granted to PUBLIC",
        sql: "select distinct format('%s: %s', name, verb) from granted where role = 'PUBLIC'
              union all
              select 'schema ' || n.nspname || ': ' || a.privilege_type from pg_namespace n, aclexplode(n.nspacl) a
              where n.nspname in ('public', 'app') and a.grantee = 0 and a.privilege_type = 'CREATE'
              union all
              select 'later ' || d.defaclobjtype::text || ': ' || a.privilege_type from pg_default_acl d, aclexplode(d.defaclacl) a
              where a.grantee = 0 or a.grantee in (select oid from pg_roles where rolname in ('footnote_app', 'footnote_worker'))",
        add: "Grant to footnote_app or footnote_worker by name, table by table.",
        offences: &[
            Offence { sql: "grant select on public.event_types to public", named: "event_types: SELECT" },
            Offence { sql: "grant create on schema public to public", named: "schema public: CREATE" },
            Offence {
                sql: "alter default privileges in schema public grant select on tables to footnote_app",
                named: "later r: SELECT",
            },
        ],
    },
    Check {
        name: "the application's roles make nothing, not even temporary objects",
        sql: "select format('%s: %s in %s', role, verb, current_database()) from unnest(array['footnote_app', 'footnote_worker', 'footnote_system']) role,
                unnest(array['CREATE', 'TEMPORARY']) verb where has_database_privilege(role, current_database(), verb)
              union all
              select format('%s: CREATE in the schema %s', role, n.nspname) from pg_namespace n,
                unnest(array['footnote_app', 'footnote_worker', 'footnote_maintenance']) role
              where n.nspname in ('public', 'app') and has_schema_privilege(role, n.oid, 'CREATE')",
        add: "Revoke it: the search path of a door begins with the caller's temporary objects, whatever it is set to.",
        offences: &[
            Offence {
                sql: "do $$ begin execute format('grant temporary on database %I to footnote_app', current_database()); end $$",
                named: "footnote_app: TEMPORARY",
            },
            Offence { sql: "grant create on schema app to footnote_worker", named: "footnote_worker: CREATE in the schema app" },
        ],
    },
    Check {
        name: "tables that only doors see are granted to no role of the application",
        sql: "select distinct format('%s: %s for %s', g.name, g.verb, g.role) from granted g
              where g.role in ('footnote_app', 'footnote_worker')
                and (g.name in (select name from listed_other where closed) or g.name in (select name from untenanted))",
        add: "Let a door answer instead; or say in tests/isolation/expected.rs who sees the table.",
        offences: &[
            Offence { sql: "grant select on public.credentials to footnote_app", named: "credentials: SELECT for footnote_app" },
            Offence {
                sql: "grant update (audit_seq) on public.workspace_sequences to footnote_worker",
                named: "workspace_sequences: UPDATE for footnote_worker",
            },
            Offence { sql: "grant select on public.seaql_migrations to footnote_worker", named: "seaql_migrations: SELECT" },
        ],
    },
    Check {
        name: "the application's roles own nothing, are no members of others, and are bound",
        sql: "select m.rolname || ' may become ' || r.rolname from pg_auth_members a
              join pg_roles m on m.oid = a.member join pg_roles r on r.oid = a.roleid
              where m.rolname in ('footnote_app', 'footnote_worker', 'footnote_system')
                or r.rolname = 'footnote_system' and (m.rolname <> 'footnote_owner' or m.rolinherit)
              union all
              select rolname || ' has a right over the whole cluster' from pg_roles
              where rolname in ('footnote_app', 'footnote_worker', 'footnote_system', 'footnote_owner')
                and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)
              union all
              select c.relname || ' belongs to ' || pg_get_userbyid(c.relowner) from pg_class c
              where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
                and pg_get_userbyid(c.relowner) <> 'footnote_owner'",
        add: "Only the owner may hand doors over, and inherits nothing by it; everything else belongs to footnote_owner.",
        offences: &[
            Offence { sql: "grant footnote_system to footnote_app", named: "footnote_app may become footnote_system" },
            Offence { sql: "alter role footnote_worker bypassrls", named: "footnote_worker has a right over the whole cluster" },
            Offence { sql: "alter table public.agents owner to footnote_app", named: "agents belongs to footnote_app" },
        ],
    },
];
