//! What was seeded obeys the rules that were not checked while it was written.

use std::os::unix::fs::PermissionsExt;

use sqlx::Row;

use super::{Kind, Scale, Seeded};

const SCALE: Scale = Scale { workspaces: 4, rows: 3_000 };

/// Each counts rows that break a rule.
const BROKEN: [(&str, &str); 5] = [
    (
        "a citation quotes what stands in its version",
        "select count(*) from citations c left join document_versions v on v.workspace_id = c.workspace_id and v.id = c.document_version_id
           and v.document_id = c.document_id and substr(v.text, c.start_offset + 1, c.end_offset - c.start_offset) = c.quote
           and encode(sha256(convert_to(c.quote, 'UTF8')), 'hex') = c.sha256
         where v.id is null",
    ),
    (
        "a citation lies in its passage, and its passage in its version",
        "select count(*) from citations c left join chunks k on k.workspace_id = c.workspace_id and k.id = c.chunk_id
           and k.document_version_id = c.document_version_id and c.start_offset >= k.start_offset and c.end_offset <= k.end_offset
         left join document_versions v on v.workspace_id = k.workspace_id and v.id = k.document_version_id
           and substr(v.text, k.start_offset + 1, k.end_offset - k.start_offset) = k.text
         where v.id is null",
    ),
    (
        "a hit of a citation is of its run",
        "select count(*) from citations c left join retrieval_hits h on h.workspace_id = c.workspace_id and h.id = c.retrieval_hit_id
           and h.chunk_id = c.chunk_id left join retrievals t on t.workspace_id = h.workspace_id and t.id = h.retrieval_id
           and t.agent_run_id = c.agent_run_id where t.id is null",
    ),
    (
        "ids are of version 7 and carry the time",
        "select count(*) from (select id, created_at from users union all select id, created_at from agents
           union all select id, created_at from agent_runs union all select id, created_at from citations
           union all select id, created_at from documents) made
         where substr(id::text, 15, 1) <> '7' or substr(id::text, 20, 1) !~ '[89ab]'
           or ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint <> (extract(epoch from created_at) * 1000)::bigint",
    ),
    (
        "a workspace that has agents can be read",
        "select count(*) from agents a where 5 > (select count(*) from agent_runs r where r.workspace_id = a.workspace_id and r.agent_id = a.id
           and 3 = (select count(*) from citations c where c.workspace_id = r.workspace_id and c.agent_run_id = r.id))",
    ),
];

#[tokio::test]
async fn what_was_seeded_obeys_every_rule_and_is_found_again() {
    // A folder that the database's own user can enter.
    let open = std::fs::Permissions::from_mode(0o755);
    let data = tempfile::Builder::new().permissions(open).tempdir().expect("a folder");
    let seeded = Seeded::open(data.path(), SCALE, &|_| ()).await.expect("seeded");
    assert!(!seeded.report().reused);
    let mut connection = seeded.superuser().await.expect("a connection");
    for (rule, sql) in BROKEN {
        let broken: i64 = sqlx::query(sql).fetch_one(&mut connection).await.expect(rule).get(0);
        assert_eq!(broken, 0, "{rule}");
    }
    let rows: i64 = sqlx::query(
        "select sum((xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %s', oid::regclass), false, true, '')))[1]::text::bigint)::bigint
         from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
           and exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'workspace_id')
           and relname not in ('workspace_sequences', 'queue_heads', 'queue_turns')",
    )
    .fetch_one(&mut connection)
    .await
    .expect("counted")
    .get(0);
    assert_eq!(rows.cast_unsigned(), seeded.report().rows);
    // Foreign keys, all of them: each is validated anew.
    let constraints = sqlx::query(
        "select format('alter table %s drop constraint %I, add constraint %I %s', conrelid::regclass, conname, conname, pg_get_constraintdef(oid)) as sql
         from pg_constraint where contype in ('f', 'c') and connamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut connection)
    .await
    .expect("listed");
    assert!(constraints.len() > 40);
    for row in constraints {
        let sql: String = row.get("sql");
        // sql: literal because the catalogue's own names and definitions stand in it.
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).execute(&mut connection).await.expect(&sql);
    }
    let (ids, shape) = (seeded.ids(), seeded.shape().clone());
    for (kind, table, number) in [
        (Kind::Workspace, "workspaces", 0),
        (Kind::Session, "sessions", 0),
        (Kind::Agent, "agents", 19),
        (Kind::Run, "agent_runs", 99),
    ] {
        let workspace = shape.readable() - 1;
        let expression = ids.sql(kind, &workspace.to_string(), &number.to_string());
        let sql = format!("select id, {expression} as computed from {table} where id = $1");
        let id = ids.of(kind, workspace, number);
        // sql: literal because it is made of names and numbers above.
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_one(&mut connection).await.expect(table);
        assert_eq!(row.get::<uuid::Uuid, _>("computed"), id);
    }
    drop(connection);
    seeded.close().await;
    let again = Seeded::open(data.path(), SCALE, &|_| ()).await.expect("opened");
    assert!(again.report().reused);
    again.close().await;
}
