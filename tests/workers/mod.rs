//! The job lane: fair, leased, retried, and never silently stuck.

use std::sync::Arc;
use std::time::Duration;

use entity::id::JobId;
use footnote::error::Result;
use footnote::tenancy::{Lane, Operation};
use footnote::worker::{Awaited, JobContext, JobFailure, JobHandler, Worker};
use serde_json::json;
use sqlx::Row;
use tokio::sync::watch;

use crate::support::{Who, World};

/// Plants jobs that no capability knows, so that only the test's own worker takes them.
async fn plant(world: &World, slug: &str, kind: &str, count: i32, max_attempts: i32) {
    let mut superuser = world.superuser().await;
    sqlx::query(
        "insert into jobs (workspace_id, id, kind, subject_id, actor_id, max_attempts, correlation_id)
         select w.id, gen_random_uuid(), $2, gen_random_uuid(), m.user_id, $4, 'test'
         from workspaces w join roles r on r.workspace_id = w.id and r.built_in = 'OWNER'
         join memberships m on m.workspace_id = w.id and m.role_id = r.id, generate_series(1, $3)
         where w.slug = $1",
    )
    .bind(slug)
    .bind(kind)
    .bind(count)
    .bind(max_attempts)
    .execute(&mut superuser)
    .await
    .expect("planted");
}

#[tokio::test]
async fn one_tenants_backlog_does_not_delay_another() {
    let world = World::without_worker().await;
    plant(&world, "acme", "test.work", 200, 5).await;
    plant(&world, "globex", "test.work", 2, 5).await;
    let lane = world.stack.app().lane().clone();
    let claimed = lane.claim("w", &["test.work"], 4, 15_000).await.expect("claimed");
    let mut superuser = world.superuser().await;
    let globex: uuid::Uuid = sqlx::query("select id from workspaces where slug = 'globex'")
        .fetch_one(&mut superuser)
        .await
        .expect("globex")
        .get(0);
    assert_eq!(
        claimed.iter().filter(|job| job.workspace_id.0 == globex).count(),
        2,
        "both of the small one's are in the first batch"
    );
    assert_eq!(claimed.len(), 4);
}

#[tokio::test]
async fn a_claim_takes_no_more_than_was_asked_for() {
    let world = World::without_worker().await;
    plant(&world, "acme", "test.work", 10, 5).await;
    plant(&world, "globex", "test.work", 10, 5).await;
    let lane = world.stack.app().lane().clone();
    for limit in [1, 3, 5] {
        let claimed = lane.claim("w", &["test.work"], limit, 15_000).await.expect("claimed");
        assert_eq!(claimed.len(), usize::try_from(limit).expect("small"));
    }
}

#[tokio::test]
async fn a_workspace_that_is_enqueuing_right_now_is_served_all_the_same() {
    use sqlx::Connection;
    let world = World::without_worker().await;
    plant(&world, "acme", "test.work", 3, 5).await;
    let mut enqueuer = world.superuser().await;
    let mut open = enqueuer.begin().await.expect("a transaction");
    sqlx::query("select * from queue_heads for update")
        .execute(&mut *open)
        .await
        .expect("held, as an enqueue holds it");
    let lane = world.stack.app().lane().clone();
    assert_eq!(lane.claim("w", &["test.work"], 2, 15_000).await.expect("claimed").len(), 2);
    open.rollback().await.expect("rolled back");
    assert_eq!(lane.claim("w", &["test.work"], 2, 15_000).await.expect("claimed").len(), 1);
    let stranded = "select count(*) from queue_heads h where h.next_run_at = 'infinity'
        and exists (select from jobs j where j.workspace_id = h.workspace_id and j.status = 'QUEUED')";
    assert_eq!(world.count(stranded).await, 0);
}

#[tokio::test]
async fn a_job_is_claimed_once_however_many_workers_ask() {
    let world = World::without_worker().await;
    plant(&world, "acme", "test.work", 40, 5).await;
    let lane = world.stack.app().lane().clone();
    let claims = futures_util::future::join_all((0..8).map(|_| {
        let lane = lane.clone();
        async move {
            let mut mine = Vec::new();
            for _ in 0..40 {
                mine.extend(lane.claim("w", &["test.work"], 3, 60_000).await.expect("claimed"));
            }
            mine
        }
    }))
    .await;
    let mut ids: Vec<JobId> = claims.into_iter().flatten().map(|job| job.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((count, ids.len()), (40, 40));
}

#[tokio::test]
async fn whoever_lost_the_lease_can_neither_renew_nor_enter_nor_finish() {
    let world = World::without_worker().await;
    plant(&world, "acme", "test.work", 1, 5).await;
    let lane = world.stack.app().lane().clone();
    let first = lane.claim("first", &["test.work"], 1, 1).await.expect("claimed").remove(0);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(lane.reap().await.expect("reaped"), 1);
    let second = lane.claim("second", &["test.work"], 1, 60_000).await.expect("claimed").remove(0);
    assert_eq!((first.id, second.attempt), (second.id, 2));
    assert!(!lane.renew(&first, 60_000).await.expect("asked"));
    assert!(lane.operation(&first).await.is_err());
    assert!(lane.renew(&second, 60_000).await.expect("asked"));
    lane.operation(&second).await.expect("the holder enters");
}

/// Fails every attempt, and says where its operations stood.
struct Failing;

#[async_trait::async_trait]
impl JobHandler for Failing {
    fn kind(&self) -> &'static str {
        "test.fail"
    }

    async fn run(&self, _: &JobContext) -> std::result::Result<(), JobFailure> {
        Err(JobFailure::new("TEST", "It fails.", true))
    }

    async fn retry(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_last_failure_leaves_a_dead_job_an_event_and_a_way_back() {
    let world = World::without_worker().await;
    plant(&world, "acme", "test.fail", 1, 2).await;
    let (stop, stopped) = watch::channel(false);
    let worker = Worker::new(world.stack.app().clone(), vec![Arc::new(Failing)]);
    let running = footnote::supervisor::spawn("test worker", worker.run(stopped));
    let query = "{ jobs(status: DEAD) { nodes { id kind status attempts failureClass lastError } } }";
    let dead = loop {
        let data = world.ask(Who::Owner, query, json!({})).await.data();
        if let Some(job) = data["jobs"]["nodes"].as_array().and_then(|jobs| jobs.first()) {
            break job.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    stop.send_replace(true);
    running.join().await;
    assert_eq!(
        (&dead["attempts"], &dead["failureClass"], &dead["lastError"]),
        (&json!(2), &json!("TEST"), &json!("It fails."))
    );
    assert_eq!(world.count("select count(*) from events where type = 'job.died'").await, 1);
    let retry =
        "mutation($id: ID!) { jobRetry(input: { id: $id }) { job { status attempts failureClass } } }";
    let data = world.ask(Who::Owner, retry, json!({ "id": dead["id"] })).await.data();
    assert_eq!(data["jobRetry"]["job"], json!({ "status": "QUEUED", "attempts": 0, "failureClass": null }));
    assert_eq!(world.ask(Who::Owner, retry, json!({ "id": dead["id"] })).await.code(), "CONFLICT");
    assert_eq!(world.ask(Who::Stranger, retry, json!({ "id": dead["id"] })).await.code(), "NOT_FOUND");
}

/// Finds the vector index away in every attempt, and counts them.
#[derive(Default)]
struct Waiting(std::sync::atomic::AtomicU32);

#[async_trait::async_trait]
impl JobHandler for Waiting {
    fn kind(&self) -> &'static str {
        "test.wait"
    }

    async fn run(&self, _: &JobContext) -> std::result::Result<(), JobFailure> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Err(JobFailure::waiting(Awaited::Vectors, "INDEX_ERROR", "It is away."))
    }

    async fn retry(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_part_that_is_away_costs_a_job_no_attempt_for_days() {
    let world = World::without_worker().await;
    plant(&world, "acme", "test.wait", 1, 1).await;
    let (stop, stopped) = watch::channel(false);
    let handler = Arc::new(Waiting::default());
    let worker = Worker::new(world.stack.app().clone(), vec![handler.clone()]);
    let running = footnote::supervisor::spawn("test worker", worker.run(stopped));
    let query = "{ jobs { nodes { status attempts failureClass waitingSince } } }";
    let job = async || world.ask(Who::Owner, query, json!({})).await.data()["jobs"]["nodes"][0].clone();
    let mut superuser = world.superuser().await;
    while handler.0.load(std::sync::atomic::Ordering::SeqCst) < 3 {
        sqlx::query("update jobs set run_at = now() where status = 'QUEUED'")
            .execute(&mut superuser)
            .await
            .expect("not waited for");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let waiting = loop {
        let job = job().await;
        if job["status"] == "QUEUED" {
            break job;
        }
    };
    assert_eq!((&waiting["attempts"], &waiting["failureClass"]), (&json!(0), &json!("INDEX_ERROR")));
    assert!(waiting["waitingSince"].is_string(), "{waiting}");
    sqlx::query("update jobs set run_at = now(), waiting_since = now() - interval '8 days'")
        .execute(&mut superuser)
        .await
        .expect("it has waited for days");
    let dead = loop {
        let job = job().await;
        if job["status"] == "DEAD" {
            break job;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    stop.send_replace(true);
    running.join().await;
    assert_eq!(dead["attempts"], json!(1), "its one attempt was counted");
}

#[tokio::test]
async fn a_job_acts_with_its_starters_permissions_as_they_are_now() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Member, "Handbook").await;
    let document = world.document(Who::Member, &collection, "Leave", "Thirty days of paid leave.").await;
    world.plant("update memberships set status = 'REMOVED' where role_id in (select id from roles where built_in = 'MEMBER')").await;
    let mut world = world;
    world.stack.start_worker();
    let ingestion = world.ingested(Who::Owner, &document).await;
    assert_eq!(
        (&ingestion["status"], &ingestion["failureClass"]),
        (&json!("FAILED"), &json!("POLICY_DENIED")),
        "{ingestion:#}"
    );
    assert_eq!(world.count("select count(*) from chunks").await, 0);
}

#[tokio::test]
async fn events_are_numbered_without_gaps_and_the_audit_chain_holds() {
    let world = World::without_worker().await;
    let names: Vec<String> = (0..30).map(|number| format!("Collection {number}")).collect();
    futures_util::future::join_all(names.iter().map(|name| world.collection(Who::Owner, name))).await;
    let gaps = "select count(*) from (select seq, row_number() over (partition by workspace_id order by seq) as place from events) e where seq <> place";
    assert_eq!(world.count(gaps).await, 0);
    assert_eq!(world.count("select count(*) from events where type = 'collection.created'").await, 30);
    let chain = "select count(*) from (select a.*, lag(hash, 1, '\\x') over (partition by workspace_id order by seq) as hash_before from audit_entries a) a
        where a.previous_hash <> a.hash_before or a.hash <> app.audit_hash(a.hash_before, (select e from audit_entries e where e.workspace_id = a.workspace_id and e.id = a.id))";
    assert_eq!(world.count(chain).await, 0);
    let head = "select count(*) from workspace_sequences s join audit_entries a on a.workspace_id = s.workspace_id and a.seq = s.audit_seq and a.hash = s.audit_hash";
    assert_eq!(world.count(head).await, 2, "of both workspaces");
    let mut superuser = world.superuser().await;
    assert!(
        sqlx::query("update audit_entries set action = 'a.b'").execute(&mut superuser).await.is_err(),
        "append-only, for everybody"
    );
}

#[tokio::test]
async fn a_lane_of_another_role_does_not_open() {
    let world = World::without_worker().await;
    let (wakes, _outgoing) = footnote::tenancy::Wakes::new();
    let app = footnote::tenancy::Database::connect(world.database.app(), 1, wakes).await.expect("a pool");
    assert!(
        Lane::new(app).claim("w", &["test.work"], 1, 1000).await.is_err(),
        "requests have no business with the lane"
    );
}
