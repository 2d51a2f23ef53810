//! The promises of isolation that the database's own catalogue can tell.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::Finding;

const ADVICE: &str = "Somebody changed the schema by hand. Stop the servers, and see docs/runbooks/isolation-alarm.md before anything else.";

/// Looks at every table and every door.
pub(super) async fn examine(connection: &mut PgConnection, findings: &mut Vec<Finding>) {
    // One row for each promise: its name, how many things it was looked for in, and those that break it.
    let promises = sqlx::raw_sql(
        "select 'row-level security' as name, count(*) as looked,
           coalesce(string_agg(c.relname, ', ' order by c.relname) filter (where not (c.relrowsecurity and c.relforcerowsecurity)), '') as broken
         from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'seaql_migrations'
         union all
         select 'tenant policies', count(*), coalesce(string_agg(c.relname, ', ' order by c.relname) filter (where not exists (
             select from pg_policy p where p.polrelid = c.oid and not p.polpermissive
               and pg_get_expr(p.polqual, p.polrelid) like '%app.workspace_id()%')), '')
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and a.attnotnull
         join pg_index i on i.indrelid = c.oid and i.indisprimary and i.indkey[0] = a.attnum
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and has_table_privilege('footnote_app', c.oid, 'SELECT')
         union all
         select 'doors', count(*), coalesce(string_agg(p.proname, ', ' order by p.proname) filter (where
             not coalesce('search_path=\"\"' = any (p.proconfig), false) or pg_get_userbyid(p.proowner) <> 'footnote_system'
             or p.pronamespace <> 'app'::regnamespace
             or exists (select from aclexplode(p.proacl) g where g.grantee = 0) or p.proacl is null), '')
         from pg_proc p where p.prosecdef and p.pronamespace in ('app'::regnamespace, 'public'::regnamespace)
         union all
         select 'rights of the roles', count(*), coalesce(string_agg(c.relname, ', ' order by c.relname) filter (where
             has_table_privilege('footnote_app', c.oid, 'TRUNCATE, REFERENCES, TRIGGER')
             or has_table_privilege('footnote_worker', c.oid, 'TRUNCATE, REFERENCES, TRIGGER')), '')
         from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')",
    )
    .fetch_all(connection)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| Ok((row.try_get("name")?, row.try_get("looked")?, row.try_get("broken")?)))
            .collect::<Result<Vec<(String, i64, String)>, sqlx::Error>>()
    });
    match promises {
        Ok(promises) => findings
            .extend(promises.into_iter().map(|(name, looked, broken)| finding(&name, looked, &broken))),
        Err(_) => findings.push(Finding::fault(
            "isolation",
            "the catalogue could not be read; the schema is not there",
            "Run `footnote migrate up`.",
        )),
    }
}

fn finding(name: &str, looked: i64, broken: &str) -> Finding {
    if !broken.is_empty() {
        return Finding::fault(name, format!("does not hold for {broken}"), ADVICE);
    }
    if looked == 0 {
        return Finding::fault(name, "nothing of it is there", "Run `footnote migrate up`.");
    }
    Finding::ok(name, format!("holds for {looked}"))
}
