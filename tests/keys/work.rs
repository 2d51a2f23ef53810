//! What a key has started: it goes on with the key's scopes, and ends with the key.

use serde_json::json;

use super::{later, revoke, with_key};
use crate::support::world::text;
use crate::support::{Who, World};

const DOCUMENT: &str = "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } upload { url } } }";
const HANDBOOK: &str = "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year.";

/// Makes a document with a key; its id.
async fn document(world: &World, key: &str) -> String {
    let collection = world.collection(Who::Owner, &format!("C {}", entity::id::EventId::new())).await;
    let input = json!({ "collectionId": collection, "title": "Leave", "markdown": HANDBOOK });
    let data = with_key(world, key, DOCUMENT, json!({ "input": input })).await.data();
    text(&data["documentCreate"]["document"]["id"])
}

#[tokio::test]
async fn a_job_that_a_key_started_runs_with_its_scopes() {
    let mut world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Owner, "Importer", &["document:read", "document:write"]).await;
    let document = document(&world, &key).await;
    let bound = "select count(*) from jobs j join api_keys k on k.workspace_id = j.workspace_id and k.id = j.api_key_id where k.name = 'Importer'";
    assert_eq!(world.count(bound).await, 1);
    world.stack.start_worker();
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    // The job itself is no request with the key.
    assert_eq!(
        world
            .count("select count(*) from events where type = 'document.published' and actor_kind = 'WORKER'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_job_whose_key_was_revoked_or_lost_its_scopes_meanwhile_is_denied() {
    let mut world = World::without_worker().await;
    let scopes = ["document:read", "document:write"];
    let (id, revoked) = world.api_key(Who::Owner, "Revoked", &scopes).await;
    let (_, expired) = world.api_key(Who::Owner, "Expired", &scopes).await;
    let documents = [document(&world, &revoked).await, document(&world, &expired).await];
    revoke(&world, &id).await;
    later(&world, "update api_keys set expires_at = now() where name = 'Expired'").await;
    world.stack.start_worker();
    for document in documents {
        let ingestion = world.ingested(Who::Owner, &document).await;
        assert_eq!(
            (&ingestion["status"], &ingestion["failureClass"]),
            (&json!("FAILED"), &json!("POLICY_DENIED")),
            "{ingestion:#}"
        );
    }
    assert_eq!(world.count("select count(*) from chunks").await, 0);
    // The maker is still a member, and may have the work done.
    let retry = "query { ingestions { nodes { id } } }";
    let ingestions = world.ask(Who::Owner, retry, json!({})).await.data();
    let again = "mutation($id: ID!) { ingestionRetry(input: { id: $id }) { ingestion { document { id } } } }";
    let id = &ingestions["ingestions"]["nodes"][0]["id"];
    let data = world.ask(Who::Owner, again, json!({ "id": id })).await.data();
    let document = text(&data["ingestionRetry"]["ingestion"]["document"]["id"]);
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn the_upload_of_a_revoked_key_opens_nothing() {
    let world = World::without_worker().await;
    let (id, key) = world.api_key(Who::Owner, "Importer", &["document:read", "document:write"]).await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let upload = json!({ "contentType": "text/markdown", "sizeBytes": HANDBOOK.len() });
    let input = json!({ "collectionId": collection, "title": "Leave", "upload": upload });
    let mut urls = Vec::new();
    for _ in 0..2 {
        let data = with_key(&world, &key, DOCUMENT, json!({ "input": input })).await.data();
        urls.push(text(&data["documentCreate"]["upload"]["url"]));
    }
    let put = async |url: &str| {
        let request = world.http().put(format!("{}{url}", world.address)).body(HANDBOOK);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(put(&urls[0]).await, 200);
    revoke(&world, &id).await;
    assert_eq!(put(&urls[1]).await, 404);
    assert_eq!(world.count("select count(*) from uploads where status = 'STORED'").await, 1);
}
