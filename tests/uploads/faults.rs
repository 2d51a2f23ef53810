//! An object store that goes away: uploads are told so in time, ingestions wait, nothing is lost, and all goes on by itself.

use std::time::{Duration, Instant};

use footnote::config::Limits;
use serde_json::json;

use super::{HANDBOOK, declared, put, ticket, wait_until};
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::s3::S3Server;
use crate::support::{Who, World};

async fn behind_a_proxy() -> (S3Server, FaultProxy, World) {
    let server = S3Server::start().await;
    let proxy = FaultProxy::before(server.address.clone()).await;
    let world = World::with(Limits::default(), S3Server::services(proxy.address())).await;
    (server, proxy, world)
}

#[tokio::test]
async fn a_file_that_was_sent_into_a_bucket_is_ingested_and_its_object_goes_with_the_document() {
    let (server, _proxy, mut world) = behind_a_proxy().await;
    world.stack.start_worker();
    let ticket = ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await;
    assert_eq!(put(&world, &ticket.url, HANDBOOK.as_bytes()).await.status, 200);
    assert_eq!(world.ingested(Who::Owner, &ticket.document).await["status"], "SUCCEEDED");
    assert_eq!(server.objects().len(), 1, "{:?}", server.objects());
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    world.ask(Who::Owner, delete, json!({ "id": ticket.document })).await.data();
    wait_until("the object is gone", async || server.objects().is_empty()).await;
}

#[tokio::test]
async fn an_upload_is_unavailable_while_the_store_is_and_the_same_token_takes_it_afterwards() {
    let (server, proxy, world) = behind_a_proxy().await;
    for fault in [Fault::Cut, Fault::Reset, Fault::Silence] {
        let ticket = ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await;
        let stored = server.objects().len();
        proxy.set(fault);
        let begun = Instant::now();
        let answer = put(&world, &ticket.url, HANDBOOK.as_bytes()).await;
        answer.assert(503, "UNAVAILABLE");
        assert_eq!(answer.body["errors"][0]["extensions"]["retryable"], json!(true));
        assert!(begun.elapsed() < Duration::from_secs(20), "{fault:?}: {:?}", begun.elapsed());
        assert!(!answer.body.to_string().contains("127.0.0.1"), "{:#}", answer.body);
        proxy.set(Fault::None);
        assert_eq!(server.objects().len(), stored, "{fault:?}");
        assert_eq!(put(&world, &ticket.url, HANDBOOK.as_bytes()).await.status, 200, "after {fault:?}");
    }
    assert_eq!(server.objects().len(), 3);
}

#[tokio::test]
async fn an_ingestion_waits_for_the_store_and_goes_on_by_itself() {
    let (_server, proxy, mut world) = behind_a_proxy().await;
    let ticket = ticket(&world, Who::Owner, declared(HANDBOOK.as_bytes())).await;
    assert_eq!(put(&world, &ticket.url, HANDBOOK.as_bytes()).await.status, 200);
    proxy.set(Fault::Reset);
    world.stack.start_worker();
    let query = "query($id: ID!) { document(id: $id) { ingestion { status waitReason } } }";
    wait_until("it waits for the store", async || {
        let data = world.ask(Who::Owner, query, json!({ "id": ticket.document })).await.data();
        data["document"]["ingestion"] == json!({ "status": "QUEUED", "waitReason": "OBJECTS" })
    })
    .await;
    proxy.set(Fault::None);
    assert_eq!(world.ingested(Who::Owner, &ticket.document).await["status"], "SUCCEEDED");
}
