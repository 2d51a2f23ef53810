//! The whole product on a Qdrant server: what is ingested is found by its tenant alone, and a server that is away, silent,
//! cut off or reset costs time and nothing else.

use std::time::{Duration, Instant};

use footnote::config::{Limits, Services, VectorService};
use footnote_qdrant_server::Server;
use serde_json::{Value, json};

use crate::isolation::vectors::{planted_points_are_dropped_and_counted, their_words_do_not_move_my_ranking};
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::{Who, World};

/// How long a search takes at most before it says that the index is away, and some more for a busy machine.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a test waits for work in the background.
const PATIENCE: Duration = Duration::from_mins(2);

const LEASE: &str = "The lease of the harbour office ends in spring.";

/// A world with a worker on the server at an address.
async fn world_on(url: String) -> World {
    let service = VectorService { qdrant_url: Some(url), qdrant_api_key: None };
    let mut world =
        World::with(Limits::default(), Services { vectors: service, ..Services::default() }).await;
    world.stack.start_worker();
    world
}

/// A server, a proxy in front of it, and a world behind the proxy.
async fn behind_a_proxy(fault: Fault) -> (Server, FaultProxy, World) {
    let server = Server::start().expect("a port and a folder");
    let proxy = FaultProxy::before(server.address().to_string()).await;
    proxy.set(fault);
    let world = world_on(format!("http://{}", proxy.address())).await;
    (server, proxy, world)
}

const SEARCH: &str = "query($query: String!) { search(query: $query, first: 20) { nodes { passage } } }";

async fn passages(world: &World, who: Who, query: &str) -> Vec<Value> {
    let data = world.ask(who, SEARCH, json!({ "query": query })).await.data();
    data["search"]["nodes"].as_array().cloned().expect("a list")
}

/// Asks until the answer is what is waited for.
async fn until(world: &World, query: &str, id: &str, done: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let data = world.ask(Who::Owner, query, json!({ "id": id })).await.data();
        if done(&data) {
            return data;
        }
        assert!(begun.elapsed() < PATIENCE, "still not so: {data:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn waits_for_vectors(world: &World, document: &str) {
    let query = "query($id: ID!) { document(id: $id) { ingestion { status waitReason failureClass } } }";
    let waiting = json!({ "status": "QUEUED", "waitReason": "VECTORS", "failureClass": null });
    until(world, query, document, |data| data["document"]["ingestion"] == waiting).await;
}

/// What readiness says of the vectors; the process stays ready, because other requests do without them.
async fn vectors(world: &World) -> String {
    let response = world.http().get(format!("{}/readyz", world.address)).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 200);
    let report: Value = response.json().await.expect("JSON");
    let dependencies = report["dependencies"].as_array().expect("dependencies");
    let vectors = dependencies.iter().find(|one| one["name"] == "vectors").expect("the vectors");
    vectors["status"].as_str().expect("a status").to_owned()
}

async fn vectors_become(world: &World, status: &str) {
    let begun = Instant::now();
    while vectors(world).await != status {
        assert!(begun.elapsed() < PATIENCE, "they are still not {status}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_is_ingested_is_found_by_its_tenant_alone() {
    let server = Server::start().expect("a port and a folder");
    let world = world_on(server.url()).await;
    let collection = world.collection(Who::Owner, "Notes").await;
    let document = world.document(Who::Owner, &collection, "Lease", LEASE).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    let theirs = world.collection(Who::Stranger, "Notes").await;
    let other = world.document(Who::Stranger, &theirs, "Menu", "Soup is served at noon.").await;
    assert_eq!(world.ingested(Who::Stranger, &other).await["status"], "SUCCEEDED");
    for query in ["lease of the harbour office", "soup at noon"] {
        let own = passages(&world, Who::Owner, query).await;
        assert_eq!(own, [json!({ "passage": LEASE })], "the one passage that there is");
        let theirs = passages(&world, Who::Stranger, query).await;
        assert_eq!(theirs, [json!({ "passage": "Soup is served at noon." })]);
    }
    assert_eq!(vectors(&world).await, "ok");
}

#[tokio::test]
async fn a_point_planted_on_the_server_is_dropped_and_counted() {
    let server = Server::start().expect("a port and a folder");
    planted_points_are_dropped_and_counted(&world_on(server.url()).await).await;
}

#[tokio::test]
async fn another_tenants_words_do_not_move_my_ranking_on_the_server() {
    let server = Server::start().expect("a port and a folder");
    their_words_do_not_move_my_ranking(&world_on(server.url()).await).await;
}

#[tokio::test]
async fn ingestion_waits_for_a_server_that_is_away_at_the_start_and_goes_on_by_itself() {
    let (_server, proxy, world) = behind_a_proxy(Fault::Cut).await;
    assert_eq!(vectors(&world).await, "unavailable");
    let collection = world.collection(Who::Owner, "Notes").await;
    let document = world.document(Who::Owner, &collection, "Lease", LEASE).await;
    waits_for_vectors(&world, &document).await;
    let query = "{ jobs { nodes { kind status attempts failureClass lastError waitingSince } } }";
    let jobs = world.ask(Who::Owner, query, json!({})).await.data();
    let job = &jobs["jobs"]["nodes"][0];
    assert_eq!((&job["kind"], &job["failureClass"]), (&json!("document.ingest"), &json!("INDEX_ERROR")));
    assert!(job["waitingSince"].is_string(), "{job:#}");
    assert_eq!(job["lastError"], "The vector index cannot be reached now.", "and nothing of the server's");

    proxy.set(Fault::None);
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    vectors_become(&world, "ok").await;
    assert_eq!(passages(&world, Who::Owner, "lease").await, [json!({ "passage": LEASE })]);
}

#[tokio::test]
async fn a_search_answers_unavailable_within_its_deadline_and_works_again_afterwards() {
    let (_server, proxy, world) = behind_a_proxy(Fault::None).await;
    let collection = world.collection(Who::Owner, "Notes").await;
    let document = world.document(Who::Owner, &collection, "Lease", LEASE).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    for fault in [Fault::Cut, Fault::Reset, Fault::Silence, Fault::Trickle(Duration::from_secs(1))] {
        proxy.set(fault);
        let begun = Instant::now();
        let refused = world.ask(Who::Owner, SEARCH, json!({ "query": "lease" })).await;
        assert_eq!(refused.code(), "UNAVAILABLE", "{fault:?}");
        let error = &refused.body["errors"][0];
        assert_eq!(error["extensions"]["retryable"], true);
        assert_eq!(error["message"], "The search index cannot be reached now; try again later.");
        assert!(begun.elapsed() < DEADLINE, "{fault:?}: {:?}", begun.elapsed());
        vectors_become(&world, "unavailable").await;
        assert!(begun.elapsed() < DEADLINE, "{fault:?}: {:?}", begun.elapsed());
        proxy.set(Fault::None);
        vectors_become(&world, "ok").await;
        assert_eq!(passages(&world, Who::Owner, "lease").await.len(), 1, "{fault:?}");
    }
    proxy.set(Fault::Delay(Duration::from_millis(200)));
    assert_eq!(passages(&world, Who::Owner, "lease").await.len(), 1, "slow, and an answer");
}

#[tokio::test]
async fn nothing_is_lost_however_the_connection_breaks_during_ingestion() {
    let (_server, proxy, world) = behind_a_proxy(Fault::None).await;
    let collection = world.collection(Who::Owner, "Notes").await;
    let mut documents = Vec::new();
    for (number, fault) in [Fault::Cut, Fault::Reset, Fault::Silence, Fault::Delay(Duration::from_millis(50))]
        .into_iter()
        .cycle()
        .take(8)
        .enumerate()
    {
        let text = format!("Clause {number} of the lease concerns the harbour.");
        documents.push(world.document(Who::Owner, &collection, &format!("Clause {number}"), &text).await);
        proxy.set(fault);
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.set(Fault::None);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for document in &documents {
        let ingestion = world.ingested(Who::Owner, document).await;
        assert_eq!(ingestion["status"], "SUCCEEDED", "{ingestion:#}");
    }
    assert_eq!(passages(&world, Who::Owner, "lease harbour clause").await.len(), documents.len());
    assert_eq!(world.count("select count(*) from jobs where status = 'DEAD'").await, 0);
}

#[tokio::test]
async fn a_deletion_during_an_outage_is_finished_afterwards() {
    let (_server, proxy, world) = behind_a_proxy(Fault::None).await;
    let collection = world.collection(Who::Owner, "Notes").await;
    let document = world.document(Who::Owner, &collection, "Lease", LEASE).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    proxy.set(Fault::Cut);
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    let deleted = world.ask(Who::Owner, delete, json!({ "id": document })).await;
    assert_eq!(deleted.body.get("errors"), None, "deleting does not wait for the index: {:#}", deleted.body);
    let waiting = "select count(*) from jobs where kind = 'document.purge' and waiting_since is not null and status <> 'DEAD'";
    let left = "select count(*) from jobs where kind = 'document.purge'";
    let begun = Instant::now();
    while world.count(waiting).await == 0 {
        assert!(begun.elapsed() < PATIENCE, "the purge does not wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    proxy.set(Fault::None);
    let begun = Instant::now();
    while world.count(left).await > 0 {
        assert!(begun.elapsed() < PATIENCE, "the purge is not finished");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(passages(&world, Who::Owner, "lease").await, [json!(null); 0]);
    assert_eq!(world.count("select count(*) from chunks").await, 0);
}

#[tokio::test]
async fn a_run_waits_for_the_index_and_answers_when_it_is_back() {
    let (_server, proxy, world) = behind_a_proxy(Fault::None).await;
    let collection = world.collection(Who::Owner, "Notes").await;
    let document = world.document(Who::Owner, &collection, "Lease", LEASE).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    let agent = world.agent(Who::Owner, "Clerk").await;
    proxy.set(Fault::Reset);
    let run = world.run(Who::Owner, &agent, "When does the lease of the harbour office end?").await;
    let query = "query($id: ID!) { agentRun(id: $id) { status waitReason } }";
    let waiting = json!({ "status": "WAITING", "waitReason": "VECTORS" });
    until(&world, query, &run, |data| data["agentRun"] == waiting).await;
    proxy.set(Fault::None);
    let run = world.finished(Who::Owner, &run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["citations"]["nodes"][0]["verification"], "VERIFIED", "{run:#}");
}
