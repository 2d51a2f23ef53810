//! Row-level security and its policies.

use super::{Check, Offence};

/// Everybody is bound, by the tenant before all else.
pub const FORCED: &[Check] = &[
    Check {
        name: "every table forces row-level security",
        sql: "select c.relname::text from pg_class c
              where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p')
                and not (c.relrowsecurity and c.relforcerowsecurity) and c.relname <> 'seaql_migrations'",
        add: "Add `alter table … enable row level security, force row level security`: without FORCE its owner sees all rows.",
        offences: &[
            Offence { sql: "alter table public.agents no force row level security", named: "agents" },
            Offence { sql: "alter table public.users disable row level security", named: "users" },
        ],
    },
    Check {
        name: "every tenant table has the RESTRICTIVE tenant policy",
        sql: "select t.name from tenant t where not exists (
                select from pg_policies p where p.schemaname = 'public' and p.tablename = t.name
                  and p.permissive = 'RESTRICTIVE' and p.cmd = 'ALL' and p.roles = '{footnote_app,footnote_worker}'
                  and p.qual = '(workspace_id = ( SELECT app.workspace_id() AS workspace_id))' and p.with_check = p.qual)",
        add: "Make it with tenant_table(), whose policy `tenant` binds both roles for every verb, word for word.",
        offences: &[
            Offence { sql: "drop policy tenant on public.chunks", named: "chunks" },
            Offence { sql: "alter policy tenant on public.jobs to footnote_app", named: "jobs" },
            Offence { sql: "alter policy tenant on public.agents with check (true)", named: "agents" },
            Offence {
                sql: "drop policy tenant on public.events; create policy tenant on public.events to footnote_app, footnote_worker
                      using (workspace_id = (select app.workspace_id())) with check (workspace_id = (select app.workspace_id()))",
                named: "events",
            },
        ],
    },
];

/// Policies name their roles, and ask something.
pub const NOT_PUBLIC: &[Check] = &[
    Check {
    name: "no policy is for PUBLIC",
    sql: "select tablename || '.' || policyname from pg_policies
          where schemaname in ('public', 'app') and 'public' = any (roles)",
    add: "Add `to footnote_app, footnote_worker`: a policy without TO binds the doors' owner too, or opens the table to whoever comes.",
    offences: &[Offence {
        sql: "create policy open on public.agents for select using (true)",
        named: "agents.open",
    }],
},
    Check {
        name: "what lets everything through is for doors, for migrations, or for reading a table without tenants",
        sql: "select p.tablename || '.' || p.policyname from pg_policies p
              where p.schemaname in ('public', 'app') and p.permissive = 'PERMISSIVE' and 'true' in (p.qual, p.with_check)
                and not p.roles <@ array['footnote_system', 'footnote_owner']::name[]
                and not (p.cmd = 'SELECT' and p.tablename not in (select name from tenant)
                  and p.roles <@ array['footnote_app', 'footnote_worker', 'footnote_system']::name[])",
        add: "Ask for a permission, a job or the actor: `(select app.can('…'))`.",
        offences: &[
            Offence { sql: "alter policy doors on public.jobs to footnote_system, footnote_app", named: "jobs.doors" },
            Offence {
                sql: "create policy everyone on public.agents for select to footnote_app using (true)",
                named: "agents.everyone",
            },
            Offence {
                sql: "create policy everyone on public.users for insert to footnote_app with check (true)",
                named: "users.everyone",
            },
        ],
    },
];

/// What is granted and what policies allow are the same.
pub const BY_VERB: &[Check] = &[
    Check {
        name: "every granted verb has a policy",
        sql: "select distinct format('%s: %s for %s', g.name, g.verb, g.role) from granted g
              where g.role in ('footnote_app', 'footnote_worker', 'footnote_system') and g.verb in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
                and g.name <> 'seaql_migrations'
                and not exists (select from pg_policies p where p.schemaname = 'public' and p.tablename = g.name
                  and p.permissive = 'PERMISSIVE' and g.role = any (p.roles) and p.cmd in (g.verb, 'ALL'))",
        add: "Say in tenant_table() who may do it, or do not grant it: a grant without a policy waits for the first policy that is too wide.",
        offences: &[
            Offence { sql: "grant delete on public.agents to footnote_app", named: "agents: DELETE for footnote_app" },
            Offence {
                sql: "grant insert (status) on public.memberships to footnote_worker",
                named: "memberships: INSERT for footnote_worker",
            },
            Offence { sql: "drop policy can_select on public.agents", named: "agents: SELECT for footnote_worker" },
        ],
    },
    Check {
        name: "every policy has its grant",
        sql: "select format('%s.%s: %s for %s', p.tablename, p.policyname, allowed, bound)
              from pg_policies p, unnest(p.roles) bound, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) allowed
              where p.schemaname = 'public' and p.permissive = 'PERMISSIVE' and p.cmd = allowed
                and bound in ('footnote_app', 'footnote_worker')
                and not exists (select from granted g where g.name = p.tablename and g.role = bound and g.verb = allowed)
              union all
              select format('%s.%s: ALL for %s', p.tablename, p.policyname, bound) from pg_policies p, unnest(p.roles) bound
              where p.schemaname = 'public' and p.permissive = 'PERMISSIVE' and p.cmd = 'ALL' and bound in ('footnote_app', 'footnote_worker')",
        add: "Grant the verb beside the policy, or drop the policy; and write one policy for each verb, so that none allows more than was meant.",
        offences: &[
            Offence { sql: "revoke insert on public.agents from footnote_app", named: "agents.can_insert: INSERT for footnote_app" },
            Offence {
                sql: "create policy more on public.agents for delete to footnote_worker using (true)",
                named: "agents.more: DELETE for footnote_worker",
            },
            Offence {
                sql: "create policy anything on public.agents to footnote_app using (true)",
                named: "agents.anything: ALL for footnote_app",
            },
        ],
    },
];

/// What policies call costs one look for a statement, and cannot be led astray.
pub const HELPERS: &[Check] = &[
    Check {
        name: "helpers of policies are plain STABLE SQL without SET",
        sql: "select distinct p.oid::regprocedure::text from pg_policy y
              join pg_class c on c.oid = y.polrelid and c.relnamespace in ('public'::regnamespace, 'app'::regnamespace)
              join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = y.oid and d.refclassid = 'pg_proc'::regclass
              join pg_proc p on p.oid = d.refobjid
              join pg_language l on l.oid = p.prolang
              where l.lanname <> 'sql' or p.provolatile <> 's' or p.proconfig is not null or p.prosecdef or p.proretset
                or p.pronamespace <> 'app'::regnamespace",
        add: "Write it in the schema app as `language sql stable` with a plain `return`, so that the planner inlines it.",
        offences: &[
            Offence { sql: "alter function app.can(text) set search_path = ''", named: "app.can(text)" },
            Offence { sql: "alter function app.in_job() volatile", named: "app.in_job()" },
            Offence {
                sql: "create function app.slow() returns boolean language plpgsql stable as 'begin return true; end';
                      create policy slow on public.agents for select to footnote_app using ((select app.slow()))",
                named: "app.slow()",
            },
        ],
    },
    Check {
        name: "helpers wrap their settings",
        sql: "select p.oid::regprocedure::text from pg_proc p
              where p.pronamespace = 'app'::regnamespace and not p.prosecdef and pg_get_functiondef(p.oid) ilike '%current_setting(%'
                and regexp_replace(pg_get_functiondef(p.oid), 'NULLIF\\(current_setting\\([^()]*, true\\), ''''(::text)?\\)', '', 'gi')
                  ilike '%current_setting(%'
                and exists (select from pg_depend d where d.classid = 'pg_policy'::regclass and d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid)",
        add: "Read it as `nullif(current_setting('…', true), '')`: after a transaction that set it, a setting reads as an empty text.",
        offences: &[Offence {
            sql: "create or replace function app.in_job() returns boolean language sql stable parallel safe
                    return current_setting('app.job_id', true) is not null",
            named: "app.in_job()",
        }],
    },
    Check {
        name: "policies call helpers as (select …)",
        sql: "select tablename || '.' || policyname from pg_policies
              where schemaname in ('public', 'app')
                and regexp_replace(coalesce(qual, '') || ' ' || coalesce(with_check, ''), '\\( SELECT app\\.[a-z_]+\\(', '', 'g')
                  ~ '(\\m[a-z_]+\\.[a-z_]+|current_setting)\\('",
        add: "Write `(select app.helper())`: called bare it is asked for each row.",
        offences: &[
            Offence {
                sql: "create policy bare on public.agents for select to footnote_app using (app.can('agent:read'))",
                named: "agents.bare",
            },
            Offence {
                sql: "create policy raw on public.agents for select to footnote_app
                        using (workspace_id::text = current_setting('app.workspace_id', true))",
                named: "agents.raw",
            },
        ],
    },
    Check {
        name: "every permission that a policy asks for is in the permission map",
        sql: "select distinct format('%s.%s: %s', p.tablename, p.policyname, asked.name[1])
              from pg_policies p, regexp_matches(coalesce(p.qual, '') || ' ' || coalesce(p.with_check, ''), 'app\\.can\\(''([^'']*)''', 'g') as asked (name)
              where p.schemaname = 'public' and not exists (select from public.role_permissions m where m.permission = asked.name[1])",
        add: "Nobody can have it: add it to the permission map, or mend its spelling.",
        offences: &[Offence {
            sql: "create policy misspelt on public.agents for select to footnote_app using ((select app.can('agents:read')))",
            named: "agents.misspelt: agents:read",
        }],
    },
];
