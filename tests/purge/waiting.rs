//! While a workspace waits for its deletion nothing changes and nothing is lost; once its time has come nobody finds it.

use std::time::Duration;

use serde_json::json;
use sqlx::Row;

use super::{HANDBOOK, ask_in, delete, make_due, restore, workspace, world};
use crate::support::Who;

#[tokio::test]
async fn it_is_read_only_and_its_jobs_wait_until_it_is_restored() {
    let mut world = world(30, 0).await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", HANDBOOK).await;
    delete(&world, Who::Owner, "acme").await.data();
    let make = "mutation { collectionCreate(input: { name: \"Late\" }) { collection { id } } }";
    assert_eq!(world.ask(Who::Owner, make, json!({})).await.code(), "FORBIDDEN");
    // A job that came in at that very moment moves the head, and is not claimed all the same.
    let moved = "update queue_heads set next_run_at = now()";
    let mut superuser = world.superuser().await;
    sqlx::query(moved).execute(&mut superuser).await.expect("moved");
    world.stack.start_worker();
    // The neighbour's work goes on.
    let other = world.collection(Who::Stranger, "Handbook").await;
    let neighbour = world.document(Who::Stranger, &other, "Leave", HANDBOOK).await;
    assert_eq!(world.ingested(Who::Stranger, &neighbour).await["status"], "SUCCEEDED");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let waits = "select count(*) from jobs j join workspaces w on w.id = j.workspace_id where w.slug = 'acme' and j.status = 'QUEUED' and j.attempts = 0";
    assert_eq!(world.count(waits).await, 1);
    restore(&world).await.data();
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_job_that_is_running_then_is_given_back_and_done_after_the_restore() {
    let mut world = world(30, 0).await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", HANDBOOK).await;
    let lane = world.stack.app().lane().clone();
    let job = lane.claim("w", &["document.ingest"], 1, 60_000).await.expect("asked").remove(0);
    lane.operation(&job).await.expect("it enters");
    delete(&world, Who::Owner, "acme").await.data();
    let refused = lane.operation(&job).await.map(drop).expect_err("its workspace waits");
    assert_eq!((refused.code(), refused.retryable()), ("CONFLICT", true));
    assert!(lane.renew(&job, 1).await.expect("asked"));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(lane.reap().await.expect("reaped"), 1);
    assert!(lane.claim("w", &["document.ingest"], 1, 60_000).await.expect("asked").is_empty());
    restore(&world).await.data();
    world.stack.start_worker();
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn from_its_purge_on_nobody_finds_it_although_no_worker_runs() {
    let world = world(30, 0).await;
    let mut superuser = world.superuser().await;
    let acme = entity::id::WorkspaceId(workspace(&mut superuser, "acme").await).to_string();
    delete(&world, Who::Owner, "acme").await.data();
    make_due(&world).await;
    for who in [Who::Owner, Who::Viewer] {
        for header in ["acme", &acme] {
            let late = ask_in(&world, who, header, "{ workspace { id } }", json!({})).await;
            let none = ask_in(&world, who, "no-such-one", "{ workspace { id } }", json!({})).await;
            assert_eq!(late.code(), "NOT_FOUND");
            assert_eq!(late.without_request_ids(), none.without_request_ids());
        }
    }
    assert_eq!(restore(&world).await.code(), "NOT_FOUND");
    let (authorization, _) = world.headers(Who::Owner).expect("a token");
    let viewer = "{ viewer { user { email } workspaces { slug } } }";
    let data = world.ask_with(&[("authorization", authorization)], viewer, json!({})).await.data();
    assert_eq!(data["viewer"], json!({ "user": { "email": "owner@acme.example" }, "workspaces": [] }));
}

#[tokio::test]
async fn a_restore_and_the_beginning_of_the_purge_exclude_each_other() {
    let world = world(30, 0).await;
    let mut superuser = world.superuser().await;
    let acme = workspace(&mut superuser, "acme").await;
    let purges = world.stack.app().lane().purges();
    let mut restored = 0;
    // The time of its purge comes while somebody restores it, sooner from round to round.
    let rounds = [2000_i32, 200, 40, 20, 10, 5, 3, 2].into_iter().chain([1; 60]);
    for left in rounds {
        delete(&world, Who::Owner, "acme").await.data();
        let soon = "with soon as (select clock_timestamp() + $1 * interval '1 millisecond' as at),
            w as (update workspaces set purge_at = soon.at from soon where purge_at is not null)
            update workspace_purges set due_at = soon.at, run_at = soon.at from soon";
        sqlx::query(soon).bind(left).execute(&mut superuser).await.expect("soon");
        let claim = async {
            tokio::time::sleep(Duration::from_millis(u64::from(left.unsigned_abs()))).await;
            purges.claim(60_000).await.expect("asked")
        };
        let (reply, claimed) = tokio::join!(restore(&world), claim);
        let back = reply.body.get("errors").is_none();
        assert!(!(back && claimed.is_some()), "both: {:#}", reply.body);
        let row = sqlx::query("select purge_at is null from workspaces where id = $1").bind(acme);
        let lives: bool = row.fetch_one(&mut superuser).await.expect("a row").get(0);
        assert_eq!(lives, back, "{:#}", reply.body);
        if !back {
            assert!(["CONFLICT", "NOT_FOUND"].contains(&reply.code()));
            break;
        }
        restored += 1;
    }
    assert!((1..68).contains(&restored), "neither won every time: {restored}");
}
