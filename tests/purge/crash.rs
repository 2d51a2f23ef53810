//! kill -9 in the middle of a purge.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::{DELETE, purge, rows, workspace};
use crate::crash::{Process, caller};
use crate::support::database::{TestDatabase, connect};
use crate::support::world::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_during_a_purge_leaves_nothing_but_its_end_to_the_next_process() {
    let database = TestDatabase::create().await;
    let data = TempDir::new().expect("a folder");
    let mut settings = database.settings();
    settings.push(("FOOTNOTE_WORKSPACE_GRACE_DAYS", "0".to_owned()));
    settings.push(("FOOTNOTE_PURGE_SETTLE_SECONDS", "0".to_owned()));
    let mut process = Process::run(&["serve"], data.path(), settings.clone());
    let caller = caller(&database, &data).await;
    let made = caller
        .ask(
            &process,
            "mutation { collectionCreate(input: { name: \"Handbook\" }) { collection { id } } }",
            json!({}),
        )
        .await;
    let input = json!({ "collectionId": text(&made["collectionCreate"]["collection"]["id"]), "title": "Leave", "markdown": super::HANDBOOK });
    caller
        .ask(
            &process,
            "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } } }",
            json!({ "input": input }),
        )
        .await;
    let mut superuser = connect(&database.superuser).await;
    let acme = workspace(&mut superuser, "acme").await;
    // Enough that the first process does not come to the end.
    let many = "insert into collections (workspace_id, id, name) select $1, gen_random_uuid(), 'Many ' || n from generate_series(1, 60000) n";
    sqlx::query(many).bind(acme).execute(&mut superuser).await.expect("planted");
    caller.ask(&process, DELETE, json!({ "slug": "acme" })).await;
    let mut interrupted = 0;
    for pause in [30, 200, 400] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        process.kill();
        let record = purge(&mut superuser, acme).await;
        interrupted += usize::from(record["status"] == "RUNNING");
        // The lease of the killed process is over.
        sqlx::query("update workspace_purges set run_at = now() where status <> 'DONE'")
            .execute(&mut superuser)
            .await
            .expect("over");
        process = Process::run(&["serve"], data.path(), settings.clone());
    }
    assert!(interrupted > 0, "no purge was under way when its process was killed");
    let record = super::purged(&mut superuser, acme).await;
    assert_eq!(rows(&mut superuser, acme).await, BTreeMap::new());
    assert_eq!(record["remaining"], json!({ "postgres": 0, "vectors": 0, "objects": 0 }));
    // Each row was counted once, in the transaction that removed it.
    assert_eq!(record["removed"]["postgres"]["collections"], 60_001, "{record:#}");
    assert!(!data.path().join("vectors").join(acme.to_string()).exists());
    process.kill();
}
