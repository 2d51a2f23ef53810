//! Tables and what shows their rows a second time.

use super::{Check, Offence};

/// Every table is known.
pub const LISTED: &[Check] = &[
    Check {
        name: "every table stands on a list",
        sql: "select c.relname::text from pg_class c
              where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p', 'f')
                and c.relname not in (select name from listed_tenant) and c.relname not in (select name from listed_other)
              union all
              select name || ' (which is no table)' from (select name from listed_tenant union all select name from listed_other) l
              where to_regclass('public.' || quote_ident(name)) is null",
        add: "Add a row for it to tests/isolation/expected.rs: to TENANT_TABLES what each verb asks for, or to OTHER_TABLES the reason.",
        offences: &[
            Offence { sql: "create table public.strays (id uuid primary key)", named: "strays" },
            Offence { sql: "create table app.strays (id uuid primary key)", named: "strays" },
            Offence { sql: "alter table public.agents rename to assistants", named: "agents (which is no table)" },
        ],
    },
    Check {
        name: "every table with a workspace_id is a tenant table",
        sql: "select name from tenant where name not in (select name from listed_tenant)
              union all
              select name || ' (which has no workspace_id)' from listed_tenant where name not in (select name from tenant)
              union all
              select name || ' (which has no workspace_id, though it is explained)' from untenanted u where not exists (
                select from pg_attribute a where a.attrelid = to_regclass('public.' || u.name) and a.attname = 'workspace_id' and not a.attisdropped)",
        add: "Make it with tenant_table() and list it in TENANT_TABLES; or say in tests/isolation/catalog/explained.rs why no tenant sees it.",
        offences: &[
            Offence { sql: "alter table public.sessions add column workspace_id uuid", named: "sessions" },
            Offence {
                sql: "alter table public.queue_turns rename column workspace_id to place",
                named: "queue_turns (which has no workspace_id",
            },
        ],
    },
];

/// No rows but through the tables.
pub const NO_SECOND_WAY: &[Check] = &[
    Check {
        name: "views read as whoever asks",
        sql: "select c.relname::text from pg_class c
              where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind = 'v'
                and not coalesce('security_invoker=true' = any (c.reloptions), false)",
        add: "Make it `with (security_invoker = true)`: a plain view reads with its owner's rights, past the policies.",
        offences: &[
            Offence { sql: "create view public.all_agents as select * from public.agents", named: "all_agents" },
            Offence {
                sql: "create view app.all_agents with (security_barrier = true) as select * from public.agents",
                named: "all_agents",
            },
        ],
    },
    Check {
        name: "nothing keeps a copy of tenants' rows",
        sql: "select c.relname::text from pg_class c
              where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('m', 'f')",
        add: "No policy binds a materialised view or a foreign table: make a tenant table that a job fills.",
        offences: &[Offence {
            sql: "create materialized view public.agent_counts as select workspace_id, count(*) from public.agents group by 1",
            named: "agent_counts",
        }],
    },
    Check {
        name: "no rule rewrites a statement",
        sql: "select w.rulename || ' on ' || c.relname from pg_rewrite w join pg_class c on c.oid = w.ev_class
              where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and w.rulename <> '_RETURN'",
        add: "What a rule adds runs with the rights of the table's owner: write a trigger.",
        offences: &[Offence {
            sql: "create rule echo as on insert to public.agents do also select 1",
            named: "echo on agents",
        }],
    },
    Check {
        name: "tables do not inherit",
        sql: "select i.inhrelid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhparent
              where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind = 'r'",
        add: "A child is read through its parent's policies and by its own name through none of them: make one table.",
        offences: &[Offence {
            sql: "create table public.special_agents () inherits (public.agents)",
            named: "special_agents",
        }],
    },
];
