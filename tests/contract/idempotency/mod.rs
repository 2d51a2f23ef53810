//! A mutation that is sent twice under one key happens once, and its sender gets one answer.

mod every_mutation;
mod progress;
mod records;
mod refusals;

use serde_json::{Value, json};

use crate::support::{Who, World};

const DOCUMENT: &str = "mutation Make($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id title version createdAt ingestion { id status } } } }";
const COLLECTION: &str =
    "mutation($name: String!) { collectionCreate(input: { name: $name }) { collection { id name } } }";

/// What came back, with what only HTTP shows.
struct Answer {
    status: u16,
    replayed: bool,
    retry_after: Option<String>,
    request_id: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The code of the only error.
    #[track_caller]
    fn code(&self) -> String {
        let json = self.json();
        assert_eq!(json["errors"].as_array().map(Vec::len), Some(1), "{json:#}");
        assert_eq!(json["errors"][0]["extensions"]["requestId"], json!(self.request_id));
        json["errors"][0]["extensions"]["code"].as_str().expect("a code").to_owned()
    }

    /// That this is the other answer again, byte for byte.
    #[track_caller]
    fn assert_replays(&self, first: &Self) {
        assert!(!first.replayed && first.json().get("errors").is_none(), "{}", first.text);
        let whole = first.text.strip_suffix('}').expect("an object");
        assert_eq!(self.text, format!("{whole},\"extensions\":{{\"idempotentReplayed\":true}}}}"));
        assert_eq!((self.status, self.replayed), (200, true));
    }
}

/// Sends a request under a key.
async fn send(world: &World, who: Who, key: &str, query: &str, variables: &Value) -> Answer {
    let body = json!({ "query": query, "variables": variables });
    post(world, who, &[("idempotency-key", key)], &body).await
}

async fn post(world: &World, who: Who, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = world.http().post(format!("{}/graphql", world.address)).json(body);
    if let Some((authorization, workspace)) = world.headers(who) {
        request = request.header("authorization", authorization).header("x-workspace", workspace);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let header = |name: &str| Some(response.headers().get(name)?.to_str().expect("text").to_owned());
    Answer {
        status: response.status().as_u16(),
        replayed: header("idempotent-replayed").is_some_and(|value| value == "true"),
        retry_after: header("retry-after"),
        request_id: header("x-request-id").expect("a request id"),
        text: response.text().await.expect("a body"),
    }
}

/// The variables of a document in a collection.
fn document(collection: &str, title: &str) -> Value {
    json!({ "input": { "collectionId": collection, "title": title, "markdown": "Thirty days of paid leave." } })
}

/// How many rows there are of everything that making a document leaves.
async fn effects(world: &World) -> [i64; 6] {
    [
        world.count("select count(*) from documents").await,
        world.count("select count(*) from document_versions").await,
        world.count("select count(*) from ingestions").await,
        world.count("select count(*) from jobs").await,
        world.count("select count(*) from events where type = 'document.created'").await,
        world.count("select count(*) from audit_entries where action = 'document.create'").await,
    ]
}

#[tokio::test]
async fn fifty_calls_at_once_with_one_key_have_one_effect() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    let calls = (0..50).map(|_| send(&world, Who::Owner, "one", DOCUMENT, &variables));
    let answers = futures_util::future::join_all(calls).await;
    let (first, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200 && !answer.replayed);
    assert_eq!(first.len(), 1, "{:?}", first.iter().map(|answer| &answer.text).collect::<Vec<_>>());
    for other in others {
        if other.status == 409 {
            assert_eq!(other.code(), "CONFLICT");
        } else {
            other.assert_replays(first[0]);
        }
    }
    assert_eq!(effects(&world).await, [1; 6]);
    send(&world, Who::Owner, "one", DOCUMENT, &variables).await.assert_replays(first[0]);
    assert_eq!(world.count("select count(*) from idempotency_records").await, 1);
}

#[tokio::test]
async fn a_replay_is_the_answer_of_then_and_runs_nothing() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    let first = send(&world, Who::Owner, "one", DOCUMENT, &variables).await;
    let id = first.json()["data"]["documentCreate"]["document"]["id"].clone();
    let delete = "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }";
    world.ask(Who::Owner, delete, json!({ "id": id })).await.data();
    let before = effects(&world).await;
    // The order of the variables does not count, nor does the name of the only operation.
    let input = "{\"markdown\":\"Thirty days of paid leave.\",\"title\":\"Leave\",\"collectionId\":";
    let body = format!(
        "{{\"operationName\":\"Make\",\"variables\":{{\"input\":{input}{}}}}},\"query\":{}}}",
        json!(collection),
        json!(DOCUMENT)
    );
    let body: Value = serde_json::from_str(&body).expect("JSON");
    for media in ["application/json", "application/graphql-response+json"] {
        let again = post(&world, Who::Owner, &[("idempotency-key", "one"), ("accept", media)], &body).await;
        again.assert_replays(&first);
    }
    assert_eq!(effects(&world).await, before);
}

#[tokio::test]
async fn without_a_key_and_under_another_key_it_happens_again() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    for key in ["one", "two", "One"] {
        let answer = send(&world, Who::Owner, key, DOCUMENT, &variables).await;
        assert!(!answer.replayed && answer.status == 200, "{}", answer.text);
    }
    for _ in 0..2 {
        let body = json!({ "query": DOCUMENT, "variables": variables });
        assert!(!post(&world, Who::Owner, &[], &body).await.replayed);
    }
    assert_eq!(effects(&world).await, [5; 6]);
    assert_eq!(world.count("select count(*) from idempotency_records").await, 3);
}

#[tokio::test]
async fn another_workspaces_same_key_is_another_key() {
    let world = World::without_worker().await;
    for (who, records) in [(Who::Owner, 1), (Who::Stranger, 2)] {
        let answer = send(&world, who, "one", COLLECTION, &json!({ "name": "Handbook" })).await;
        assert!(answer.status == 200 && !answer.replayed, "{}", answer.text);
        assert_eq!(world.count("select count(*) from idempotency_records").await, records);
    }
    assert_eq!(world.count("select count(distinct workspace_id) from collections").await, 2);
}

#[tokio::test]
async fn a_query_does_not_look_at_a_key() {
    let world = World::without_worker().await;
    for key in ["one", "not a key", ""] {
        let body = json!({ "query": "{ workspace { slug } }", "extensions": { "idempotencyKey": [key] } });
        let answer = post(&world, Who::Viewer, &[("idempotency-key", key)], &body).await;
        assert_eq!(answer.json(), json!({ "data": { "workspace": { "slug": "acme" } } }));
        assert!(!answer.replayed);
    }
    assert_eq!(world.count("select count(*) from idempotency_records").await, 0);
}
