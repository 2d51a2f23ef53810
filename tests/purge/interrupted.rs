//! A purge whose worker stops anywhere is finished by the next one; what comes late goes with it.

use std::time::Duration;

use footnote::tenancy::Kept;
use footnote::worker::Worker;
use serde_json::json;
use tokio::sync::watch;

use super::{
    HANDBOOK, assert_gone, delete, dump, files, fill, make_due, purge, purged, rows, workspace, world,
};
use crate::support::Who;

#[tokio::test]
async fn a_purge_is_finished_by_the_next_worker_wherever_the_last_one_stopped() {
    let mut world = world(30, 0).await;
    // Jobs run, and nobody purges: each claim below is of a worker that stopped one step later than the one before.
    let (stop, stopped) = watch::channel(false);
    let handlers =
        footnote::knowledge::job_handlers().into_iter().chain(footnote::agents::job_handlers()).collect();
    let worker = Worker::new(world.stack.app().clone(), handlers);
    let running = footnote::supervisor::spawn("test worker", worker.run(stopped));
    fill(&world, Who::Owner).await;
    fill(&world, Who::Stranger).await;
    stop.send_replace(true);
    running.join().await;
    let mut superuser = world.superuser().await;
    let (acme, globex) = (workspace(&mut superuser, "acme").await, workspace(&mut superuser, "globex").await);
    let before = dump(&mut superuser, globex).await;
    delete(&world, Who::Owner, "acme").await.data();
    let purges = world.stack.app().lane().purges();
    let vectors = world.stack.app().vectors().for_workspace(acme);
    let objects = world.stack.app().objects().for_workspace(entity::id::WorkspaceId(acme));
    make_due(&world).await;
    for step in 0..5 {
        let claimed = purges.claim(60_000).await.expect("asked").expect("due");
        let found = Kept {
            vectors: vectors.count_all().await.expect("counted"),
            objects: objects.count().await.expect("counted"),
        };
        assert!(purges.renew(&claimed, 60_000, Some(found)).await.expect("held"));
        if step >= 1 {
            vectors.remove_all().await.expect("removed");
        }
        if step >= 2 {
            objects.purge().await.expect("removed");
        }
        if step >= 3 {
            assert!(!purges.remove_rows(&claimed, 3, 60_000).await.expect("a batch"));
            assert!(rows(&mut superuser, acme).await.contains_key("workspaces"), "the workspace goes last");
        }
        if step >= 4 {
            assert!(purges.remove_rows(&claimed, 100_000, 60_000).await.expect("the rest"));
        }
        // It stops here: the lease ends by itself.
        assert!(purges.claim(60_000).await.expect("asked").is_none(), "it has a lease");
        assert!(purges.renew(&claimed, 1, None).await.expect("held"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.stack.start_worker();
    let record = purged(&mut superuser, acme).await;
    assert_gone(&world, &mut superuser, acme).await;
    assert_eq!(record["remaining"], json!({ "postgres": 0, "vectors": 0, "objects": 0 }));
    // What the first attempts found is not forgotten by the later ones, which found less.
    assert_eq!(record["removed"]["objects"], 1, "{record:#}");
    assert!(record["removed"]["vectors"].as_i64() > Some(1), "{record:#}");
    assert_eq!(record["removed"]["postgres"]["workspaces"], 1, "{record:#}");
    assert_eq!(dump(&mut superuser, globex).await, before);
}

#[tokio::test]
async fn ingestions_that_are_under_way_leave_nothing_behind() {
    let mut world = world(0, 3).await;
    world.stack.start_worker();
    let collection = world.collection(Who::Owner, "Handbook").await;
    for number in 0..12 {
        let text = HANDBOOK.repeat(40);
        world.document(Who::Owner, &collection, &format!("Rule {number}"), &text).await;
    }
    let other = world.collection(Who::Stranger, "Handbook").await;
    let neighbour = world.document(Who::Stranger, &other, "Leave", HANDBOOK).await;
    let mut superuser = world.superuser().await;
    let acme = workspace(&mut superuser, "acme").await;
    delete(&world, Who::Owner, "acme").await.data();
    let record = purged(&mut superuser, acme).await;
    assert_gone(&world, &mut superuser, acme).await;
    assert_eq!(record["remaining"], json!({ "postgres": 0, "vectors": 0, "objects": 0 }));
    assert_eq!(world.ingested(Who::Stranger, &neighbour).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn what_comes_late_is_removed_by_the_second_look() {
    let mut world = world(0, 5).await;
    world.stack.start_worker();
    fill(&world, Who::Owner).await;
    let mut superuser = world.superuser().await;
    let acme = workspace(&mut superuser, "acme").await;
    delete(&world, Who::Owner, "acme").await.data();
    for _ in 0..200 {
        if purge(&mut superuser, acme).await["removed_at"].is_string() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let record = purge(&mut superuser, acme).await;
    assert_eq!((&record["status"], &record["finished_at"]), (&json!("QUEUED"), &json!(null)), "{record:#}");
    assert_gone(&world, &mut superuser, acme).await;
    // As of a process that stood still meanwhile and wakes up.
    let late = world.data.join(format!("objects/workspaces/{acme}/originals/{acme}"));
    std::fs::create_dir_all(&late).expect("a folder");
    std::fs::write(late.join(acme.to_string()), "late").expect("an object");
    let vectors = world.stack.app().vectors().for_workspace(acme);
    vectors.prepare(acme, 4).await.expect("an index");
    assert_ne!(files(&world, acme), (Vec::new(), Vec::new()));
    let record = purged(&mut superuser, acme).await;
    assert_gone(&world, &mut superuser, acme).await;
    assert!(record["attempts"].as_i64() >= Some(2), "{record:#}");
    assert_eq!(record["remaining"], json!({ "postgres": 0, "vectors": 0, "objects": 0 }));
}
