//! The end of a workspace: asked for, called off, carried out, and proven from outside, by the superuser and in the folders of the stores.

mod crash;
mod interrupted;
mod life;
mod removal;
mod stores;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use footnote::config::{Limits, Services, WorkspaceSettings};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use crate::support::world::text;
use crate::support::{Reply, Who, World};

const UPDATE: &str = "mutation($input: WorkspaceUpdateInput!) { workspaceUpdate(input: $input) { workspace { id name slug version } } }";
const DELETE: &str = "mutation($slug: String!) { workspaceDelete(input: { slug: $slug }) { workspace { id slug purgeAt version } } }";
const RESTORE: &str = "mutation { workspaceRestore(input: {}) { workspace { id slug purgeAt version } } }";
const HANDBOOK: &str = "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year.";

fn services(days: u32, settle: u32) -> Services {
    let workspaces = WorkspaceSettings { workspace_grace_days: days, purge_settle_seconds: settle };
    Services { workspaces, ..Services::default() }
}

/// A server whose deleted workspaces can be restored for so many days, and nobody who runs jobs.
async fn world(days: u32, settle: u32) -> World {
    World::with(Limits::default(), services(days, settle)).await
}

/// Asks as somebody in a workspace that the header names so.
async fn ask_in(world: &World, who: Who, workspace: &str, query: &str, variables: Value) -> Reply {
    let (authorization, _) = world.headers(who).expect("a token");
    world.ask_with(&[("authorization", authorization), ("x-workspace", workspace)], query, variables).await
}

async fn delete(world: &World, who: Who, slug: &str) -> Reply {
    world.ask(who, DELETE, json!({ "slug": slug })).await
}

async fn restore(world: &World) -> Reply {
    world.ask(Who::Owner, RESTORE, json!({})).await
}

async fn workspace(connection: &mut PgConnection, slug: &str) -> Uuid {
    let select = sqlx::query("select id from workspaces where slug = $1").bind(slug);
    select.fetch_one(connection).await.expect("a workspace").get(0)
}

/// Every table that has rows of tenants, by the catalogue.
async fn tables(superuser: &mut PgConnection) -> Vec<String> {
    let rows = sqlx::query(
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1",
    )
    .fetch_all(superuser)
    .await
    .expect("the catalogue");
    rows.iter().map(|row| row.get(0)).collect()
}

/// How many rows each table has of a workspace; those without any are left out.
async fn rows(superuser: &mut PgConnection, workspace: Uuid) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for table in tables(superuser).await {
        // sql: literal because the table's name is the catalogue's.
        let count = format!("select count(*) from public.\"{table}\" where workspace_id = $1");
        // sql: literal because the table's name is the catalogue's.
        let row = sqlx::query(AssertSqlSafe(count)).bind(workspace).fetch_one(&mut *superuser).await;
        let count: i64 = row.expect("a count").get(0);
        if count > 0 {
            found.insert(table, count);
        }
    }
    let row = sqlx::query("select count(*) from workspaces where id = $1").bind(workspace);
    let count: i64 = row.fetch_one(superuser).await.expect("a count").get(0);
    if count > 0 {
        found.insert("workspaces".to_owned(), count);
    }
    found
}

/// Every row of a workspace, as text.
async fn dump(superuser: &mut PgConnection, workspace: Uuid) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for table in tables(superuser).await {
        let all = format!(
            "select coalesce(string_agg(t::text, '; ' order by t::text), '') from public.\"{table}\" t where workspace_id = $1"
        );
        // sql: literal because the table's name is the catalogue's.
        let row = sqlx::query(AssertSqlSafe(all)).bind(workspace).fetch_one(&mut *superuser).await;
        found.insert(table, row.expect("a dump").get(0));
    }
    found
}

/// The files of a workspace in the folders of both stores.
fn files(world: &World, workspace: Uuid) -> (Vec<String>, Vec<String>) {
    let of = |folder: &str| {
        let all = crate::support::s3::files(&world.data.join(folder)).into_iter();
        all.filter(|path| path.contains(&workspace.to_string())).collect()
    };
    (of("vectors"), of("objects"))
}

/// A workspace with a row in every table: a document, an uploaded one, a run, a record of a keyed mutation, a key, a role, a dead job.
async fn fill(world: &World, who: Who) {
    let collection = world.collection(who, "Handbook").await;
    let document = world.document(who, &collection, "Leave", HANDBOOK).await;
    assert_eq!(world.ingested(who, &document).await["status"], "SUCCEEDED");
    upload(world, who, &collection).await;
    let agent = world.agent(who, "Assistant").await;
    let run = world.run(who, &agent, "How many days of paid leave does an employee have?").await;
    let run = world.finished(who, &run).await;
    assert_ne!(run["citations"]["nodes"].as_array().map(Vec::len), Some(0), "{run:#}");
    keyed(world, who).await;
    let (_, slug) = world.headers(who).expect("a token");
    let mut superuser = world.superuser().await;
    let workspace = workspace(&mut superuser, slug).await;
    let mut planting = world.superuser().await;
    for sql in [
        "set session_replication_role = replica",
        "insert into api_keys (workspace_id, id, name, user_id, start, hash, scopes)
         select workspace_id, gen_random_uuid(), 'planted', user_id, 'fn_live_abcd', sha256(workspace_id::text::bytea), '{job:read}' from memberships
         where workspace_id = $1",
        "insert into roles (workspace_id, id, name, permissions) values ($1, gen_random_uuid(), 'Planted', '{job:read}')",
        "insert into jobs (workspace_id, id, kind, subject_id, status, correlation_id)
         values ($1, gen_random_uuid(), 'document.ingest', gen_random_uuid(), 'DEAD', 'test')",
        "insert into invitations (workspace_id, id, email, role_id, invited_by, expires_at)
         select r.workspace_id, gen_random_uuid(), 'nobody@example.com', r.id, m.user_id, now()
         from roles r join memberships m on m.workspace_id = r.workspace_id where r.workspace_id = $1 and r.built_in = 'VIEWER' limit 1",
        "insert into invitation_tokens (workspace_id, id, invitation_id, hash)
         select workspace_id, gen_random_uuid(), id, sha256(id::text::bytea) from invitations where workspace_id = $1",
        "with operator as (insert into operators (id, name, email, start, hash, expires_at)
           values (gen_random_uuid(), 'Planted', 'planted@ops.example', 'fn_op_abcd', sha256(uuid_send($1)), now() + interval '1 day') returning id)
         insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
         select $1, gen_random_uuid(), operator.id, 'Planted', 'planted', 'planted by a test', now() + interval '1 hour' from operator",
        "insert into outgoing_mails (id, kind, address, detail, status)
         values (gen_random_uuid(), 'INVITATION', 'nobody@example.com', jsonb_build_object('workspace_id', $1::uuid), 'DEAD')",
    ] {
        let statement = sqlx::query(sql);
        let statement = if sql.contains("$1") { statement.bind(workspace) } else { statement };
        statement.execute(&mut planting).await.expect("planted");
    }
}

/// A document whose original is an object.
async fn upload(world: &World, who: Who, collection: &str) -> String {
    let query = "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } upload { url } } }";
    let upload =
        json!({ "filename": "leave.md", "contentType": "text/markdown", "sizeBytes": HANDBOOK.len() });
    let input = json!({ "collectionId": collection, "title": "Uploaded", "upload": upload });
    let data = world.ask(who, query, json!({ "input": input })).await.data();
    let url = text(&data["documentCreate"]["upload"]["url"]);
    let sent = world.http().put(format!("{}{url}", world.address)).body(HANDBOOK).send().await;
    assert!(sent.expect("an answer").status().is_success());
    let document = text(&data["documentCreate"]["document"]["id"]);
    assert_eq!(world.ingested(who, &document).await["status"], "SUCCEEDED");
    url
}

async fn keyed(world: &World, who: Who) {
    let (authorization, workspace) = world.headers(who).expect("a token");
    let headers = [("authorization", authorization), ("x-workspace", workspace), ("idempotency-key", "one")];
    let query = "mutation { collectionCreate(input: { name: \"Keyed\" }) { collection { id } } }";
    world.ask_with(&headers, query, json!({})).await.data();
}

/// Lets the grace period of every deleted workspace be over.
async fn make_due(world: &World) {
    let mut superuser = world.superuser().await;
    for sql in [
        "update workspaces set purge_at = clock_timestamp() where purge_at is not null",
        "update workspace_purges set due_at = clock_timestamp(), run_at = clock_timestamp() where status <> 'DONE'",
    ] {
        sqlx::query(sql).execute(&mut superuser).await.expect("due");
    }
}

/// The record of a purge, as JSON; null where there is none.
async fn purge(superuser: &mut PgConnection, workspace: Uuid) -> Value {
    let select =
        sqlx::query("select to_jsonb(p) from workspace_purges p where tenant_id = $1").bind(workspace);
    select.fetch_optional(superuser).await.expect("a record").map_or(Value::Null, |row| row.get(0))
}

/// Waits until a purge is done; its record.
async fn purged(superuser: &mut PgConnection, workspace: Uuid) -> Value {
    for _ in 0..1200 {
        let record = purge(superuser, workspace).await;
        if record["status"] == "DONE" {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still not: {:#}", purge(superuser, workspace).await);
}

/// Nothing is left of a workspace, wherever one looks.
async fn assert_gone(world: &World, superuser: &mut PgConnection, workspace: Uuid) {
    assert_eq!(rows(superuser, workspace).await, BTreeMap::new());
    assert_eq!(files(world, workspace), (Vec::new(), Vec::new()));
    assert!(!world.data.join("vectors").join(workspace.to_string()).exists());
    assert!(!world.data.join("objects/workspaces").join(workspace.to_string()).exists());
}
