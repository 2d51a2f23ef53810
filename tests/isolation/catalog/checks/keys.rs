//! Keys, indexes and the types of columns.

use super::{Check, Offence};

/// Neither a duplicate nor a cascade crosses.
pub const CARRY_THE_TENANT: &[Check] = &[
    Check {
        name: "unique keys begin with workspace_id",
        sql: "select i.indexrelid::regclass::text from pg_index i join tenant t on t.oid = i.indrelid
              where (i.indisunique or i.indisexclusion) and i.indkey[0] <> t.attnum",
        add: "Put workspace_id first: a key over all tenants tells each of them what the others have.",
        offences: &[
            Offence { sql: "create unique index agents_first on public.agents (name)", named: "agents_first" },
            Offence { sql: "create unique index agents_by_lower on public.agents (lower(name), workspace_id)", named: "agents_by_lower" },
        ],
    },
    Check {
        name: "foreign keys to tenant tables carry workspace_id",
        sql: "select c.conname || ' on ' || c.conrelid::regclass from pg_constraint c join tenant there on there.oid = c.confrelid
              left join pg_attribute here on here.attrelid = c.conrelid and here.attname = 'workspace_id' and not here.attisdropped
              where c.contype = 'f' and not coalesce(c.conkey[1] = here.attnum and c.confkey[1] = there.attnum, false)",
        add: "Write `foreign key (workspace_id, …) references … (workspace_id, id)`: a plain one accepts another tenant's row, and cascades into it.",
        offences: &[
            Offence {
                sql: "create unique index agents_id on public.agents (id);
                      alter table public.agents add constraint agents_id_only unique using index agents_id;
                      alter table public.agent_runs add constraint runs_plain foreign key (agent_id) references public.agents (id)",
                named: "runs_plain on agent_runs",
            },
            Offence {
                sql: "alter table public.sessions add column tenant uuid, add column agent_id uuid,
                        add constraint sessions_agent foreign key (tenant, agent_id) references public.agents (workspace_id, id)",
                named: "sessions_agent on sessions",
            },
        ],
    },
    Check {
        name: "the primary key begins with workspace_id",
        sql: "select t.name from tenant t where not exists (
                select from pg_index i where i.indrelid = t.oid and i.indisprimary and i.indkey[0] = t.attnum)",
        add: "Make the table with tenant_table(), whose primary key is (workspace_id, id).",
        offences: &[Offence { sql: "alter table public.citations drop constraint citations_pkey cascade", named: "citations" }],
    },
    Check {
        name: "workspace_id is never null and names a workspace",
        sql: "select t.name from tenant t where not exists (select from pg_attribute a where a.attrelid = t.oid and a.attnum = t.attnum and a.attnotnull)
                or not exists (select from pg_constraint c where c.conrelid = t.oid and c.contype = 'f' and c.conkey = array[t.attnum]
                  and c.confrelid = 'public.workspaces'::regclass)",
        add: "Make the table with tenant_table(): `workspace_id uuid not null references public.workspaces (id)`.",
        offences: &[Offence {
            sql: "alter table public.citations drop constraint citations_workspace_id_fkey",
            named: "citations",
        }],
    },
];

/// Policies and checks of keys find their rows.
pub const INDEXED: &[Check] = &[
    Check {
        name: "every tenant table has an index that leads with workspace_id",
        sql: "select t.name from tenant t where not exists (
                select from pg_index i where i.indrelid = t.oid and i.indisvalid and i.indpred is null and i.indkey[0] = t.attnum)",
        add: "Make the table with tenant_table(), or add one: without it the tenant policy reads every tenant's rows.",
        offences: &[Offence {
            sql: "alter table public.retrievals drop constraint retrievals_pkey cascade;
                  drop index if exists public.retrievals_list;
                  do $$ declare i text; begin
                    for i in select indexrelid::regclass from pg_index where indrelid = 'public.retrievals'::regclass and not indisunique loop
                      execute 'drop index ' || i;
                    end loop;
                  end $$",
            named: "retrievals",
        }],
    },
    Check {
        name: "every foreign key's columns have an index, or a reason in explained.rs",
        sql: "with bare as (
                select n.conname::text as name, n.conrelid::regclass::text as at from pg_constraint n
                join pg_class c on c.oid = n.conrelid and c.relnamespace = 'public'::regnamespace
                where n.contype = 'f' and not exists (
                  select from pg_index i where i.indrelid = n.conrelid and i.indisvalid
                    and (i.indkey::int2[])[0:cardinality(n.conkey) - 1] @> n.conkey
                    and (i.indpred is null or exists (select from pg_attribute a where a.attrelid = n.conrelid and a.attnum = any (n.conkey)
                      and pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', a.attname)))))
              select name || ' on ' || at from bare where name not in (select name from unindexed)
              union all
              select name || ' (which is explained and needs no explanation)' from unindexed where name not in (select name from bare)",
        add: "Index its columns, since each deletion of what it points at reads the whole table; or say in UNINDEXED why nothing deletes that.",
        offences: &[
            Offence {
                sql: "alter table public.agents add column parent_id uuid,
                        add constraint agents_parent foreign key (workspace_id, parent_id) references public.agents (workspace_id, id)",
                named: "agents_parent on agents",
            },
            Offence {
                sql: "create index uploads_actor on public.uploads (actor_id)",
                named: "uploads_actor_id_fkey (which is explained",
            },
        ],
    },
];

/// Under a policy only a leakproof comparison may use an index.
pub const LEAKPROOF: &[Check] = &[
    Check {
        name: "no column of a tenant table is an enum or numeric",
        sql: "select format('%s.%s (%s)', t.name, a.attname, format_type(a.atttypid, a.atttypmod)) from tenant t
              join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
              join pg_type y on y.oid = a.atttypid
              left join pg_type element on element.oid = nullif(y.typelem, 0)
              left join pg_type base on base.oid = nullif(y.typbasetype, 0)
              where 'e' in (y.typtype, element.typtype, base.typtype) or 'numeric'::regtype in (y.oid, element.oid, base.oid)",
        add: "Their comparisons are not leakproof: write text with a CHECK for a status, bigint in minor units for money.",
        offences: &[
            Offence {
                sql: "create type public.mood as enum ('GOOD'); alter table public.agents add column mood public.mood",
                named: "agents.mood",
            },
            Offence { sql: "alter table public.agents add column price numeric(12, 2)", named: "agents.price" },
            Offence {
                sql: "create domain public.price as numeric; alter table public.agents add column cost public.price",
                named: "agents.cost",
            },
            Offence { sql: "alter table public.agents add column prices numeric[]", named: "agents.prices" },
        ],
    },
    Check {
        name: "indexes of tenant tables compare without leaking, or have a reason in explained.rs",
        sql: "with leaking as (
                select i.indexrelid::regclass::text as name,
                  coalesce((select a.attname from pg_attribute a where a.attrelid = i.indrelid and a.attnum = i.indkey[k.at]), 'an expression') as part
                from tenant t
                join pg_index i on i.indrelid = t.oid
                cross join lateral generate_series(0, i.indnkeyatts - 1) k (at)
                join pg_opclass o on o.oid = i.indclass[k.at]
                join pg_am m on m.oid = o.opcmethod and m.amname = 'btree'
                left join pg_amop p on p.amopfamily = o.opcfamily and p.amoplefttype = o.opcintype
                  and p.amoprighttype = o.opcintype and p.amopstrategy = 3
                left join pg_operator x on x.oid = p.amopopr
                left join pg_proc f on f.oid = x.oprcode
                where i.indkey[k.at] = 0 or f.proleakproof is not true)
              select format('%s (%s)', name, part) from leaking where name not in (select name from not_searched)
              union all
              select name || ' (which is explained and needs no explanation)' from not_searched where name not in (select name from leaking)",
        add: "No query under a policy can use it: index a plain column of a type whose comparison is leakproof, such as text, uuid or bigint.",
        offences: &[
            Offence { sql: "create index agents_lower on public.agents (workspace_id, lower(name))", named: "agents_lower (an expression)" },
            Offence {
                sql: "create index ingestions_timings on public.ingestions (workspace_id, stage_timings)",
                named: "ingestions_timings (stage_timings)",
            },
            Offence { sql: "drop index public.roles_name", named: "roles_name (which is explained" },
        ],
    },
];
