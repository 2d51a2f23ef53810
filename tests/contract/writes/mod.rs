//! What every write promises: ids of clients' making, all bad fields at once, versions, and all or nothing.

mod atomicity;
mod client_ids;
mod collections;
mod issues;
mod versions;

use footnote::graphql::sdl;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Row, Transaction};

use crate::support::{Reply, World};

/// The lines of a type's or an input's fields in the schema: `name: Type`, with arguments where there are any.
fn fields_of(heading: &str) -> Vec<String> {
    let sdl = sdl();
    let mut described = false;
    sdl.lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| *line != "}")
        .filter_map(|line| {
            let line = line.trim();
            let quotes = line.matches("\"\"\"").count();
            if quotes > 0 || described {
                described ^= quotes == 1;
                return None;
            }
            Some(line.to_owned())
        })
        .collect()
}

/// The names of all mutations.
fn mutations() -> Vec<String> {
    let fields = fields_of("type Mutation {");
    let names = fields.iter().filter_map(|field| Some(field.split_once('(')?.0.to_owned()));
    let names: Vec<_> = names.collect();
    assert!(names.len() >= 12, "{names:?}");
    names
}

/// The issues of the only error, as `path CODE`.
#[track_caller]
fn issues(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{:#}", reply.body);
    assert_eq!(reply.body["data"], Value::Null);
    let issues = reply.body["errors"][0]["extensions"]["issues"].as_array().expect("issues");
    let read = |issue: &Value| {
        let path: Vec<_> = issue["path"]
            .as_array()
            .expect("a path")
            .iter()
            .map(|part| part.as_str().expect("text"))
            .collect();
        assert!(!issue["message"].as_str().expect("a sentence").is_empty());
        format!("{} {}", path.join("."), issue["code"].as_str().expect("a code"))
    };
    issues.iter().map(read).collect()
}

/// Everything that a write leaves behind, counted: rows, events, audit entries, jobs, and the counters.
async fn traces(world: &World) -> Vec<i64> {
    let mut superuser = world.superuser().await;
    let tables = ["collections", "documents", "document_versions", "ingestions", "agents", "agent_runs"];
    let more = ["agent_run_events", "jobs", "events", "audit_entries"];
    let mut counts = Vec::new();
    for table in tables.into_iter().chain(more) {
        // sql: literal because the names stand above.
        let count = sqlx::query(AssertSqlSafe(format!("select count(*) from {table}")));
        counts.push(count.fetch_one(&mut superuser).await.expect("a count").get(0));
    }
    let sequences = "select (sum(event_seq) + sum(audit_seq))::bigint from workspace_sequences";
    counts.push(sqlx::query(sequences).fetch_one(&mut superuser).await.expect("a sum").get(0));
    counts
}

/// Waits until so many statements of the application wait for a lock.
async fn until_blocked(world: &World, count: i64) {
    let statement = "select count(*) from pg_stat_activity
        where datname = current_database() and usename = 'footnote_app' and wait_event_type = 'Lock'";
    for _ in 0..200 {
        if world.count(statement).await == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nobody waits for a lock");
}

/// A transaction of the superuser that holds rows until it is dropped.
async fn hold<'a>(superuser: &'a mut PgConnection, rows: &'static str) -> Transaction<'a, Postgres> {
    let mut transaction = superuser.begin().await.expect("a transaction");
    sqlx::query(rows).fetch_all(&mut *transaction).await.expect("locked");
    transaction
}
