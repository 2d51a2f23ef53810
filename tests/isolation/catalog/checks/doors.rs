//! What runs with more rights than its caller.

use super::{Check, Offence};

/// Each door is known, says why, and cannot be led astray.
pub const LISTED: &[Check] = &[
    Check {
        name: "every SECURITY DEFINER function stands on the list",
        sql: "select p.oid::regprocedure::text from pg_proc p
              where p.prosecdef and p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
                and (p.proname not in (select name from listed_door) or p.pronamespace <> 'app'::regnamespace)
              union all
              select name || ' (which is no door)' from listed_door
              where not exists (select from pg_proc p where p.prosecdef and p.pronamespace = 'app'::regnamespace and p.proname = listed_door.name)",
        add: "A door belongs to the schema app and to DOORS in tests/isolation/expected.rs; what is none has no SECURITY DEFINER.",
        offences: &[
            Offence {
                sql: "create function app.back_door() returns integer language sql security definer set search_path = '' return 1",
                named: "app.back_door()",
            },
            Offence {
                sql: "create function public.enter_session() returns integer language sql security definer set search_path = '' return 1",
                named: "enter_session()",
            },
            Offence { sql: "alter function app.workspaces_of_actor() security invoker", named: "workspaces_of_actor (which is no door)" },
        ],
    },
    Check {
        name: "every door has an empty search path",
        sql: "select p.oid::regprocedure::text from pg_proc p where p.prosecdef and p.pronamespace = 'app'::regnamespace
                and not coalesce('search_path=\"\"' = any (p.proconfig), false)",
        add: "Add `set search_path = ''`, and qualify every name: whoever calls chooses the path otherwise.",
        offences: &[
            Offence { sql: "alter function app.workspaces_of_actor() reset search_path", named: "app.workspaces_of_actor()" },
            Offence { sql: "alter function app.workspaces_of_actor() set search_path = public", named: "app.workspaces_of_actor()" },
        ],
    },
    Check {
        name: "every door says in a comment why it sees across tenants",
        sql: "select p.oid::regprocedure::text from pg_proc p where p.prosecdef and p.pronamespace = 'app'::regnamespace
                and coalesce(length(obj_description(p.oid, 'pg_proc')), 0) < 20",
        add: "Add `comment on function … is 'Door: …'` with the reason.",
        offences: &[Offence { sql: "comment on function app.workspaces_of_actor() is null", named: "app.workspaces_of_actor()" }],
    },
    Check {
        name: "every door belongs to footnote_system and is not for PUBLIC",
        sql: "select p.oid::regprocedure::text from pg_proc p where p.prosecdef and p.pronamespace = 'app'::regnamespace
                and (pg_get_userbyid(p.proowner) <> 'footnote_system' or p.proacl is null
                  or exists (select from aclexplode(p.proacl) a where a.grantee = 0))",
        add: "Revoke EXECUTE from PUBLIC first, then `alter function … owner to footnote_system`: only its owner may change rights.",
        offences: &[
            Offence { sql: "grant execute on function app.workspaces_of_actor() to public", named: "app.workspaces_of_actor()" },
            Offence { sql: "alter function app.workspaces_of_actor() owner to footnote_owner", named: "app.workspaces_of_actor()" },
        ],
    },
    Check {
        name: "every function of the schema app says what it is for",
        sql: "select p.oid::regprocedure::text from pg_proc p
              where p.pronamespace in ('app'::regnamespace, 'public'::regnamespace) and obj_description(p.oid, 'pg_proc') is null",
        add: "Add `comment on function … is '…'`.",
        offences: &[Offence { sql: "comment on function app.can(text) is null", named: "app.can(text)" }],
    },
];
