//! Keys that are none, keys that mean something else already, and keys of somebody else.

use serde_json::json;

use super::{COLLECTION, DOCUMENT, document, effects, post, send};
use crate::support::{Who, World};

#[tokio::test]
async fn another_operation_with_the_key_is_refused_and_nothing_of_it_happens() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    let first = send(&world, Who::Owner, "one", DOCUMENT, &variables).await;
    let renamed = DOCUMENT.replace("Make", "Made");
    let spaced = format!("{DOCUMENT} ");
    for (query, variables) in [
        (DOCUMENT, document(&collection, "Other")),
        (renamed.as_str(), variables.clone()),
        (spaced.as_str(), variables.clone()),
        (COLLECTION, json!({ "name": "Manual" })),
        // It would fail, and says no more than the others.
        (COLLECTION, json!({ "name": "" })),
    ] {
        for media in ["application/json", "application/graphql-response+json"] {
            let body = json!({ "query": query, "variables": variables });
            let answer =
                post(&world, Who::Owner, &[("idempotency-key", "one"), ("accept", media)], &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (422, "IDEMPOTENCY_CONFLICT"), "{query}");
            assert_eq!(answer.json()["errors"][0]["extensions"]["retryable"], false);
            assert_eq!(answer.json().get("data"), None);
            assert!(!answer.replayed && answer.retry_after.is_none());
        }
    }
    assert_eq!(effects(&world).await, [1; 6]);
    assert_eq!(world.count("select count(*) from collections").await, 1);
    send(&world, Who::Owner, "one", DOCUMENT, &variables).await.assert_replays(&first);
}

#[tokio::test]
async fn another_actor_with_the_key_is_refused_sees_nothing_of_the_answer_and_does_nothing() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    let first = send(&world, Who::Owner, "one", DOCUMENT, &variables).await;
    let id = first.json()["data"]["documentCreate"]["document"]["id"].as_str().expect("an id").to_owned();
    for variables in [variables.clone(), document(&collection, "Other")] {
        let answer = send(&world, Who::Member, "one", DOCUMENT, &variables).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "IDEMPOTENCY_CONFLICT"));
        assert!(!answer.text.contains(&id) && answer.json().get("data").is_none(), "{}", answer.text);
    }
    // Whoever may not do it at all does not even learn that the key is in use.
    assert_eq!(send(&world, Who::Viewer, "one", DOCUMENT, &variables).await.code(), "FORBIDDEN");
    assert_eq!(effects(&world).await, [1; 6]);
    send(&world, Who::Owner, "one", DOCUMENT, &variables).await.assert_replays(&first);
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_its_field_and_nothing_happens() {
    let world = World::without_worker().await;
    let long = "x".repeat(256);
    let body = |key: serde_json::Value| json!({ "query": COLLECTION, "variables": { "name": "Handbook" }, "extensions": { "idempotencyKey": key } });
    for (headers, key, field) in [
        (vec![("idempotency-key", "")], json!(null), "headers.idempotency-key"),
        (vec![("idempotency-key", "a b")], json!(null), "headers.idempotency-key"),
        (vec![("idempotency-key", long.as_str())], json!(null), "headers.idempotency-key"),
        (vec![("idempotency-key", "ü")], json!(null), "headers.idempotency-key"),
        (vec![("idempotency-key", "a"), ("idempotency-key", "a")], json!(null), "headers.idempotency-key"),
        (vec![("idempotency-key", "a")], json!("b"), "extensions.idempotencyKey"),
        (vec![], json!(""), "extensions.idempotencyKey"),
        (vec![], json!(7), "extensions.idempotencyKey"),
        (vec![], json!("a\u{0}"), "extensions.idempotencyKey"),
        (vec![], json!(long), "extensions.idempotencyKey"),
    ] {
        let answer = post(&world, Who::Owner, &headers, &body(key.clone())).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{headers:?} {key}");
        assert_eq!(answer.json()["errors"][0]["extensions"]["field"], field, "{headers:?} {key}");
    }
    assert_eq!(world.count("select count(*) from collections").await, 0);
    let longest = "~".repeat(255);
    let headers = [("idempotency-key", longest.as_str())];
    assert_eq!(post(&world, Who::Owner, &headers, &body(json!(longest))).await.status, 200);
    assert_eq!(world.count("select count(*) from idempotency_records").await, 1);
}

#[tokio::test]
async fn without_a_workspace_or_a_token_it_is_as_without_a_key() {
    let world = World::without_worker().await;
    let variables = json!({ "name": "Handbook" });
    assert_eq!(send(&world, Who::Anonymous, "one", COLLECTION, &variables).await.code(), "UNAUTHENTICATED");
    let (authorization, _) = world.headers(Who::Owner).expect("a token");
    let body = json!({ "query": COLLECTION, "variables": variables });
    let mut fields = Vec::new();
    for headers in [vec![], vec![("idempotency-key", "one")]] {
        let headers: Vec<_> = headers.into_iter().chain([("authorization", authorization)]).collect();
        let answer = post(&world, Who::Anonymous, &headers, &body).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        fields.push(answer.json()["errors"][0]["extensions"]["field"].clone());
    }
    assert_eq!(fields, [json!("headers.x-workspace"), json!("headers.x-workspace")]);
    let elsewhere = [("idempotency-key", "one"), ("authorization", authorization), ("x-workspace", "globex")];
    assert_eq!(post(&world, Who::Anonymous, &elsewhere, &body).await.code(), "NOT_FOUND");
    assert_eq!(world.count("select count(*) from idempotency_records").await, 0);
}
