//! What a repetition gets while the first call is still running, and after it has failed.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{COLLECTION, DOCUMENT, document, effects, post, send};
use crate::support::{Who, World};

#[tokio::test]
async fn while_the_first_call_runs_the_second_is_told_when_to_ask_again() {
    let world = World::without_worker().await;
    let mut superuser = world.superuser().await;
    sqlx::raw_sql("begin; lock table collections in share mode")
        .execute(&mut superuser)
        .await
        .expect("nobody makes a collection now");
    let variables = json!({ "name": "Handbook" });
    let first = send(&world, Who::Owner, "one", COLLECTION, &variables);
    let others = async {
        let waiting = "select count(*) from pg_locks where not granted and relation = 'collections'::regclass
            and database = (select oid from pg_database where datname = current_database())";
        while world.count(waiting).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let body = json!({ "query": COLLECTION, "variables": variables });
        for media in ["application/json", "application/graphql-response+json"] {
            let headers = [("idempotency-key", "one"), ("accept", media)];
            let second = post(&world, Who::Owner, &headers, &body).await;
            assert_eq!((second.status, second.code().as_str()), (409, "CONFLICT"));
            let extensions = second.json()["errors"][0]["extensions"].clone();
            assert_eq!(extensions["retryable"], true);
            assert_eq!(
                (extensions["retryAfterMs"].as_u64(), second.retry_after.as_deref()),
                (Some(250), Some("1"))
            );
            assert_eq!(second.json().get("data"), None, "it was not executed");
        }
        // Another actor's call with the key is told no more than that.
        assert_eq!(send(&world, Who::Member, "one", COLLECTION, &variables).await.status, 409);
        // The key of another workspace is not concerned; its call waits for the table, not for the key.
        let elsewhere = send(&world, Who::Stranger, "one", COLLECTION, &variables);
        assert!(tokio::time::timeout(Duration::from_millis(200), elsewhere).await.is_err());
        sqlx::raw_sql("rollback").execute(&mut superuser).await.expect("the table is free");
    };
    let (first, ()) = tokio::join!(first, others);
    send(&world, Who::Owner, "one", COLLECTION, &variables).await.assert_replays(&first);
    assert_eq!(world.count("select count(*) from collections where workspace_id = (select id from workspaces where slug = 'acme')").await, 1);
}

/// Makes every look for a record that holds no key yet last so long that the first call commits meanwhile.
const SLOW_LOOK: &str =
    "create or replace function app.workspace_id() returns uuid language plpgsql stable as $$
    begin
      if not exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) then
        perform pg_sleep(0.3);
      end if;
      return nullif(current_setting('app.workspace_id', true), '')::uuid;
    end $$";

#[tokio::test]
async fn who_looked_before_the_first_call_committed_and_has_the_key_after_it_gets_its_answer() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    let mut superuser = world.superuser().await;
    sqlx::raw_sql(SLOW_LOOK).execute(&mut superuser).await.expect("a slow look");
    let calls = (0..7).map(async |number| {
        tokio::time::sleep(Duration::from_millis(number * 70)).await;
        send(&world, Who::Owner, "one", DOCUMENT, &variables).await
    });
    let answers = futures_util::future::join_all(calls).await;
    for later in &answers[1..] {
        if later.status == 409 {
            assert_eq!(later.code(), "CONFLICT");
        } else {
            later.assert_replays(&answers[0]);
        }
    }
    assert!(answers.iter().any(|answer| answer.replayed));
    assert_eq!(effects(&world).await, [1; 6]);
}

#[tokio::test]
async fn a_mutation_that_fails_leaves_its_key_free_at_once() {
    let world = World::without_worker().await;
    let taken = world.collection(Who::Owner, "Handbook").await;
    let variables = json!({ "name": "Handbook" });
    for _ in 0..20 {
        let answer = send(&world, Who::Owner, "one", COLLECTION, &variables).await;
        assert_eq!(answer.code(), "CONFLICT");
        assert_eq!(answer.json()["errors"][0]["extensions"]["retryable"], false, "{}", answer.text);
        assert_eq!(answer.json()["data"], Value::Null);
    }
    assert_eq!(world.count("select count(*) from idempotency_records").await, 0);
    // Under the same key as corrected, and as it was once the reason is gone.
    let corrected = send(&world, Who::Owner, "one", COLLECTION, &json!({ "name": "Manual" })).await;
    assert!(corrected.status == 200 && !corrected.replayed, "{}", corrected.text);
    assert_eq!(send(&world, Who::Owner, "two", COLLECTION, &variables).await.code(), "CONFLICT");
    let mut superuser = world.superuser().await;
    sqlx::query("delete from collections where name = 'Handbook'")
        .execute(&mut superuser)
        .await
        .expect("gone");
    let later = send(&world, Who::Owner, "two", COLLECTION, &variables).await;
    assert_ne!(later.json()["data"]["collectionCreate"]["collection"]["id"], json!(taken));
    send(&world, Who::Owner, "two", COLLECTION, &variables).await.assert_replays(&later);
}

#[tokio::test]
async fn an_answer_above_256_kib_under_a_key_is_refused_and_nothing_happens() {
    let world = World::without_worker().await;
    let fields =
        (0..14).map(|number| format!("a{number}: agent {{ instructions }}")).collect::<Vec<_>>().join(" ");
    let query =
        format!("mutation($input: AgentCreateInput!) {{ agentCreate(input: $input) {{ {fields} }} }}");
    let variables = json!({ "input": { "name": "Guide", "instructions": "x".repeat(20_000) } });
    let answer = send(&world, Who::Owner, "one", &query, &variables).await;
    assert_eq!(answer.code(), "QUERY_TOO_COSTLY");
    assert_eq!(world.count("select (select count(*) from agents) + (select count(*) from events) + (select count(*) from idempotency_records)").await, 0);
    world.ask(Who::Owner, &query, variables.clone()).await.data();
    let smaller = "mutation($input: AgentCreateInput!) { agentCreate(input: $input) { agent { name } } }";
    let variables = json!({ "input": { "name": "Other" } });
    assert_eq!(send(&world, Who::Owner, "one", smaller, &variables).await.status, 200);
}

/// Sends operations over one socket, one after another; their answers.
async fn over_a_socket(world: &World, payloads: &[Value]) -> Vec<Value> {
    let mut request = format!("{}/graphql/ws", world.address.replace("http", "ws"))
        .into_client_request()
        .expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let (authorization, workspace) = world.headers(Who::Owner).expect("a token");
    let init = json!({ "type": "connection_init", "payload": { "authorization": authorization, "x-workspace": workspace } });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let mut answers = Vec::new();
    while answers.len() < payloads.len() {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.expect("in time");
        let Some(Ok(Message::Text(message))) = message else { continue };
        let message: Value = serde_json::from_str(&message).expect("JSON");
        match message["type"].as_str() {
            Some("next") => {
                answers.push(message["payload"].clone());
                continue;
            }
            Some("connection_ack" | "complete") => {}
            _ => panic!("unexpected: {message:#}"),
        }
        let number = answers.len();
        if let Some(payload) = payloads.get(number) {
            let subscribe = json!({ "id": format!("{number}"), "type": "subscribe", "payload": payload });
            socket.send(Message::text(subscribe.to_string())).await.expect("sent");
        }
    }
    answers
}

#[tokio::test]
async fn a_socket_sends_the_key_in_the_extensions_and_it_is_the_same_key_as_over_http() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let variables = document(&collection, "Leave");
    let first = send(&world, Who::Owner, "one", DOCUMENT, &variables).await;
    let keyed = |key: Value| json!({ "query": DOCUMENT, "variables": variables, "extensions": { "idempotencyKey": key } });
    let answers = over_a_socket(
        &world,
        &[keyed(json!("one")), keyed(json!("two")), keyed(json!("two")), keyed(json!(""))],
    )
    .await;
    assert_eq!(answers[0]["data"], first.json()["data"]);
    assert_eq!(answers[0]["extensions"], json!({ "idempotentReplayed": true }));
    assert_eq!(answers[1].get("extensions"), None);
    assert_eq!(
        (&answers[2]["data"], &answers[2]["extensions"]["idempotentReplayed"]),
        (&answers[1]["data"], &json!(true))
    );
    assert_eq!(answers[3]["errors"][0]["extensions"]["field"], "extensions.idempotencyKey");
    assert_eq!(effects(&world).await, [2; 6]);
    let again = post(&world, Who::Owner, &[], &keyed(json!("two"))).await;
    assert!(again.replayed && again.json()["data"] == answers[1]["data"], "{}", again.text);
}
