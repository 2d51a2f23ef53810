//! The matrix: every tenant table × verb × role × {own workspace, another one, no context}, as the database answers it.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::expected::{May, TENANT_TABLES};
use crate::support::database::connect;
use crate::support::{Who, World};

/// What a statement came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Rows were reached; a constraint or a trigger may have had a word afterwards.
    Reached,
    /// No row, or no right.
    Nothing,
}

/// Both workspaces with a row in every table: a document, its ingestion, a run, and a dead job.
pub(super) async fn world_with_a_row_in_every_table() -> World {
    let world = World::new().await;
    for who in [Who::Owner, Who::Stranger] {
        let collection = world.collection(who, "Handbook").await;
        let document = world
            .document(
                who,
                &collection,
                "Leave",
                "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year.",
            )
            .await;
        assert_eq!(world.ingested(who, &document).await["status"], "SUCCEEDED");
        let agent = world.agent(who, "Assistant").await;
        let run = world.run(who, &agent, "How many days of paid leave does an employee have?").await;
        let run = world.finished(who, &run).await;
        assert_ne!(run["citations"]["nodes"].as_array().map(Vec::len), Some(0), "{run:#}");
    }
    let mut superuser = world.superuser().await;
    sqlx::query(
        "insert into uploads (workspace_id, id, document_id, document_version_id, actor_id, token_hash, content_type, size_bytes, expires_at)
         select v.workspace_id, gen_random_uuid(), v.document_id, v.id, m.user_id, sha256('x'), 'text/plain', 1, now()
         from document_versions v join roles r on r.workspace_id = v.workspace_id and r.built_in = 'OWNER'
         join memberships m on m.workspace_id = v.workspace_id and m.role_id = r.id",
    )
    .execute(&mut superuser)
    .await
    .expect("an upload in each workspace");
    world
        .plant(
            "insert into api_keys (workspace_id, id, name, user_id, start, hash, scopes)
             select workspace_id, app.uuid_v7(), 'planted', user_id, 'fn_live_abcd', sha256('x'), '{workspace:read}' from memberships",
        )
        .await;
    world
        .plant(
            "insert into roles (workspace_id, id, name, permissions) select id, app.uuid_v7(), 'Planted', '{job:read}' from workspaces",
        )
        .await;
    world
        .plant(
            "insert into invitations (workspace_id, id, email, role_id, invited_by, expires_at)
             select distinct on (r.workspace_id) r.workspace_id, app.uuid_v7(), 'nobody@example.com', r.id, m.user_id, now()
             from roles r join memberships m on m.workspace_id = r.workspace_id where r.built_in = 'VIEWER'",
        )
        .await;
    world
        .plant(
            "insert into invitation_tokens (workspace_id, id, invitation_id, hash)
             select workspace_id, gen_random_uuid(), id, sha256('x') from invitations",
        )
        .await;
    world
        .plant(
            "with operator as (insert into operators (id, name, email, start, hash, expires_at)
               select id, 'Planted', 'planted@ops.example', 'fn_op_abcd', sha256(uuid_send(id)), now() + interval '1 day' from workspaces
               returning id)
             insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
             select id, gen_random_uuid(), id, 'Planted', 'planted', 'planted by a test', now() + interval '1 hour' from operator",
        )
        .await;
    sqlx::query(
        "insert into jobs (workspace_id, id, kind, subject_id, status, correlation_id)
         select id, gen_random_uuid(), 'document.ingest', gen_random_uuid(), 'DEAD', 'test' from workspaces",
    )
    .execute(&mut superuser)
    .await
    .expect("a dead job in each workspace");
    sqlx::query(
        "with nobody as (insert into users (id, email, name) values (gen_random_uuid(), 'nobody@nowhere.example', 'Nobody') returning id)
         insert into idempotency_records (workspace_id, id, actor_id, key, fingerprint, answer)
         select w.id, gen_random_uuid(), nobody.id, 'one', sha256('x'), '{}' from workspaces w, nobody",
    )
    .execute(&mut superuser)
    .await
    .expect("a record of nobody's in each workspace");
    world
}

#[tokio::test]
async fn every_table_answers_every_role_as_the_permission_map_says() {
    let world = world_with_a_row_in_every_table().await;
    let mut superuser = world.superuser().await;
    let permissions = permission_map(&mut superuser).await;
    let (own, other) = (workspace(&mut superuser, "acme").await, workspace(&mut superuser, "globex").await);
    let mut app = connect(world.database.app()).await;
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (table, select, insert, update, delete) in TENANT_TABLES {
        let rows = sample(&mut superuser, table, &[own, other]).await;
        for (who, role) in [
            (Some(Who::Owner), "OWNER"),
            (Some(Who::Admin), "ADMIN"),
            (Some(Who::Member), "MEMBER"),
            (Some(Who::Viewer), "VIEWER"),
            (None, ""),
        ] {
            for (target, place) in [(own, "own"), (other, "other")] {
                for (verb, may) in
                    [("select", select), ("insert", insert), ("update", update), ("delete", delete)]
                {
                    let allowed = who.is_some() && target == own && reaches(*may, role, &permissions);
                    // Without SELECT on a row, UPDATE and DELETE with a condition do not find it either.
                    let allowed = allowed
                        && (matches!(verb, "select" | "insert") || reaches(*select, role, &permissions));
                    let expected = if allowed { Outcome::Reached } else { Outcome::Nothing };
                    let session = who.map(|who| world.credentials(who).session.0);
                    let observed = attempt(&mut app, session, table, verb, target, &rows[&target]).await;
                    checked += 1;
                    if observed != expected {
                        wrong.push(format!(
                            "{table} {verb} {role} {place}: expected {expected:?}, observed {observed:?}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(checked, TENANT_TABLES.len() * 5 * 2 * 4);
}

fn reaches(may: May, role: &str, permissions: &HashSet<(String, String)>) -> bool {
    match may {
        // The samples of rows that one makes for oneself name nobody who asks here: a dead job, a record of nobody's.
        May::Nobody | May::Job | May::Oneself => false,
        May::Can(permission) => permissions.contains(&(role.to_owned(), permission.to_owned())),
    }
}

async fn attempt(
    app: &mut PgConnection,
    session: Option<uuid::Uuid>,
    table: &str,
    verb: &str,
    workspace: uuid::Uuid,
    row: &Value,
) -> Outcome {
    let mut transaction = app.begin().await.expect("a transaction");
    if let Some(session) = session {
        sqlx::query("select * from app.enter_session($1, null, 'acme')")
            .bind(session)
            .fetch_one(&mut *transaction)
            .await
            .expect("the context");
    }
    // Of some tables only some columns are changed.
    let column = if ["jobs", "memberships", "roles", "api_keys", "invitations"].contains(&table) {
        "updated_at"
    } else {
        "workspace_id"
    };
    // Some rows are made in one's own name alone, which a trigger says before the policies do; nobody has none.
    let own = match table {
        "api_keys" if session.is_some() => "jsonb_build_object('user_id', app.actor_id())",
        "invitations" => "jsonb_build_object('invited_by', app.actor_id())",
        _ => "'{}'",
    };
    let statement = match verb {
        "select" => format!("select 1 from public.{table} where workspace_id = $1 and $2::jsonb is not null"),
        "update" => format!(
            "update public.{table} set {column} = {column} where workspace_id = $1 and $2::jsonb is not null"
        ),
        "delete" => format!("delete from public.{table} where workspace_id = $1 and $2::jsonb is not null"),
        _ => format!(
            "insert into public.{table} select (jsonb_populate_record(null::public.{table}, $2 || {own})).* where $1::uuid is not null"
        ),
    };
    // sql: literal because the table's name is one of the list above.
    let result =
        sqlx::query(AssertSqlSafe(statement)).bind(workspace).bind(row).execute(&mut *transaction).await;
    transaction.rollback().await.expect("rolled back");
    match result {
        Ok(done) if done.rows_affected() > 0 => Outcome::Reached,
        Ok(_) => Outcome::Nothing,
        Err(error) => {
            let code =
                error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
            match code.as_deref() {
                Some("42501") => Outcome::Nothing,
                // A constraint or a trigger spoke, so the policies had let it through.
                Some(code) if code.starts_with("23") || code.starts_with("FN") => Outcome::Reached,
                _ => panic!("{table} {verb}: {error}"),
            }
        }
    }
}

/// A row of each workspace, with another id where it has one, as JSON.
async fn sample(
    superuser: &mut PgConnection,
    table: &str,
    workspaces: &[uuid::Uuid],
) -> HashMap<uuid::Uuid, Value> {
    // Triggers speak before policies do, so the row must be one that they let through.
    let valid = match table {
        "agent_runs" => json!({ "status": "QUEUED" }),
        "citations" => json!({ "verification": "REJECTED", "rejection": "Mismatch" }),
        "invitations" => json!({ "email": "somebody@example.com" }),
        "roles" => json!({ "name": "Another", "built_in": null, "permissions": [] }),
        _ => json!({}),
    };
    let mut rows = HashMap::new();
    for workspace in workspaces {
        // sql: literal because the table's name is one of the list above.
        let statement = format!(
            "select to_jsonb(t) || jsonb_build_object('id', gen_random_uuid()) || $2 from public.{table} t where workspace_id = $1 limit 1"
        );
        // sql: literal because the table's name is one of the list above.
        let row = sqlx::query(AssertSqlSafe(statement))
            .bind(workspace)
            .bind(&valid)
            .fetch_optional(&mut *superuser)
            .await
            .expect("a row");
        let row =
            row.unwrap_or_else(|| panic!("{table} is empty: the matrix needs a row in it to mean anything"));
        rows.insert(*workspace, row.get(0));
    }
    rows
}

async fn workspace(superuser: &mut PgConnection, slug: &str) -> uuid::Uuid {
    sqlx::query("select id from workspaces where slug = $1")
        .bind(slug)
        .fetch_one(superuser)
        .await
        .expect("a workspace")
        .get(0)
}

async fn permission_map(superuser: &mut PgConnection) -> HashSet<(String, String)> {
    let rows = sqlx::query("select role, permission from role_permissions")
        .fetch_all(superuser)
        .await
        .expect("the map");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
