//! Inside a workspace: an operator reads and may queue a dead job again, and nothing else; and is out as soon as the entry ends.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sqlx::Connection;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{END, ask, ask_with, audited, entered, operator};
use crate::support::database::connect;
use crate::support::world::text;
use crate::support::{Who, World};

#[tokio::test]
async fn an_operator_reads_what_members_read_and_retries_a_dead_job_under_their_own_name() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", "# Leave\n\nThirty days.").await;
    world.collection(Who::Stranger, "Theirs").await;
    let (id, key) = operator(&world, "Ann").await;
    entered(&world, &key, "acme").await;
    let query = "query($id: ID!) { workspace { slug memberships { nodes { user { email } role { name } } } } collections { nodes { name } } document(id: $id) { title }
      jobs { nodes { id kind status } } roles { nodes { name } } operatorEntries { nodes { reason } } }";
    let seen = ask(&world, &key, Some("acme"), query, json!({ "id": document })).await.data();
    assert_eq!(seen["document"]["title"], "Leave");
    assert_eq!(seen["collections"]["nodes"], json!([{ "name": "Handbook" }]));
    assert_eq!(seen["workspace"]["memberships"]["nodes"].as_array().map(Vec::len), Some(4));
    assert_eq!(seen["workspace"]["memberships"]["nodes"][0]["user"]["email"], "viewer@acme.example");

    world.plant("update jobs set status = 'DEAD', failure_class = 'INTERNAL'").await;
    let job = text(&seen["jobs"]["nodes"][0]["id"]);
    let retry = "mutation($id: ID!) { jobRetry(input: { id: $id }) { job { id status } } }";
    let done = ask(&world, &key, Some("acme"), retry, json!({ "id": job })).await.data();
    assert_eq!(done["jobRetry"]["job"]["status"], "QUEUED");
    let log = audited(&world, "acme").await;
    let uuid = entity::id::OperatorId::parse(&id).expect("an id").0;
    assert_eq!((log[1].0.as_str(), log[1].1.as_str(), log[1].2), ("job.retry", "OPERATOR", Some(uuid)));
    assert_eq!(
        world.count("select count(*) from jobs where actor_id is null").await,
        0,
        "the job stays its starter's"
    );
}

#[tokio::test]
async fn an_operator_changes_nothing_and_has_no_account() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let (_, key) = operator(&world, "Ann").await;
    entered(&world, &key, "acme").await;
    for (query, variables) in [
        ("mutation { collectionCreate(input: { name: \"x\" }) { collection { id } } }", json!({})),
        (
            "mutation($id: ID!) { documentCreate(input: { collectionId: $id, title: \"x\", text: \"x\" }) { document { id } } }",
            json!({ "id": collection }),
        ),
        ("mutation { agentCreate(input: { name: \"x\" }) { agent { id } } }", json!({})),
        (
            "mutation($id: ID!) { agentRunStart(input: { agentId: $id, input: \"x\" }) { agentRun { id } } }",
            json!({ "id": agent }),
        ),
        ("mutation { workspaceCreate(input: { name: \"x\", slug: \"x\" }) { workspace { id } } }", json!({})),
        ("{ viewer { user { id } workspaces { slug } role permissions } }", json!({})),
    ] {
        for workspace in [Some("acme"), None] {
            let reply = ask(&world, &key, workspace, query, variables.clone()).await;
            let expected =
                if workspace.is_some() || query.contains("viewer") || query.contains("workspaceCreate") {
                    "FORBIDDEN"
                } else {
                    "BAD_USER_INPUT"
                };
            assert_eq!(reply.code(), expected, "{query} {workspace:?}");
        }
    }
    let headers = [("authorization", key.as_str()), ("x-workspace", "acme"), ("idempotency-key", "one")];
    let refused = ask_with(
        &world,
        &headers,
        "mutation($id: ID!) { jobRetry(input: { id: $id }) { job { id } } }",
        json!({ "id": entity::id::JobId::new().to_string() }),
    )
    .await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
    assert_eq!(refused.body["errors"][0]["extensions"]["issues"][0]["code"], "NOT_TAKEN");
    assert_eq!(world.count("select count(*) from workspaces").await, 2);
    assert_eq!(audited(&world, "acme").await.len(), 1);
}

#[tokio::test]
async fn the_database_lets_an_operator_write_to_no_table_but_a_dead_job() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    world.document(Who::Owner, &collection, "Leave", "# Leave\n\nThirty days.").await;
    let (_, key) = operator(&world, "Ann").await;
    entered(&world, &key, "acme").await;
    let hash = footnote::operators::OperatorKey::of_header(&key).expect("a key").expect("a good one").hash();
    assert!(!format!("{hash:?}").contains(char::is_alphanumeric));
    let mut app = connect(world.database.app()).await;
    for (statement, reached) in [
        ("update jobs set run_at = run_at", true),
        (
            "insert into jobs (workspace_id, id, kind, subject_id, correlation_id) values (app.workspace_id(), gen_random_uuid(), 'document.purge', gen_random_uuid(), 'x')",
            false,
        ),
        ("update memberships set status = 'REMOVED'", false),
        ("update documents set title = 'x'", false),
        (
            "insert into agents (workspace_id, id, name) values (app.workspace_id(), gen_random_uuid(), 'x')",
            false,
        ),
        ("update operator_entries set expires_at = expires_at", false),
        ("delete from operator_entries", false),
        ("select 1 from operators", false),
    ] {
        let mut transaction = app.begin().await.expect("a transaction");
        sqlx::query("select * from app.enter_operator($1, null, 'acme')")
            .bind(hash.0.to_vec())
            .fetch_one(&mut *transaction)
            .await
            .expect("entered");
        let outcome = sqlx::query(statement).execute(&mut *transaction).await;
        assert_eq!(
            outcome.as_ref().is_ok_and(|done| done.rows_affected() > 0),
            reached,
            "{statement}: {outcome:?}"
        );
        transaction.rollback().await.expect("rolled back");
    }
}

#[tokio::test]
async fn a_workspace_that_waits_for_its_deletion_shows_an_operator_what_it_shows_its_members() {
    let world = World::without_worker().await;
    world.collection(Who::Owner, "Handbook").await;
    let (_, key) = operator(&world, "Ann").await;
    entered(&world, &key, "acme").await;
    world.plant("update workspaces set purge_at = now() + interval '1 day' where slug = 'acme'").await;
    assert_eq!(
        ask(&world, &key, Some("acme"), "{ collections { nodes { name } } }", json!({})).await.code(),
        "FORBIDDEN"
    );
    assert_eq!(
        ask(&world, &key, Some("acme"), "{ workspace { slug } }", json!({})).await.data()["workspace"]["slug"],
        "acme"
    );
}

#[tokio::test]
async fn an_open_subscription_ends_with_the_entry() {
    let world = World::without_worker().await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let run = world.run(Who::Owner, &agent, "How many days of leave are there?").await;
    let (_, key) = operator(&world, "Ann").await;
    let entry = entered(&world, &key, "acme").await;
    let mut request = format!("{}/graphql/ws", world.address.replace("http", "ws"))
        .into_client_request()
        .expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let init =
        json!({ "type": "connection_init", "payload": { "authorization": key, "x-workspace": "acme" } });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let query = format!("subscription {{ agentRunEvents(agentRunId: \"{run}\") {{ seq }} }}");
    let mut seen = 0;
    let mut code = None;
    while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_secs(20), socket.next()).await {
        let Message::Text(message) = message else { continue };
        let message: Value = serde_json::from_str(&message).expect("JSON");
        match message["type"].as_str() {
            Some("connection_ack") => {
                let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": query } });
                socket.send(Message::text(subscribe.to_string())).await.expect("sent");
            }
            Some("next") if message["payload"].get("errors").is_none() => {
                seen += 1;
                world.ask(Who::Owner, END, json!({ "id": entry })).await.data();
            }
            Some("next") => {
                code = message["payload"]["errors"][0]["extensions"]["code"].as_str().map(str::to_owned);
            }
            Some("error") => {
                code = message["payload"][0]["extensions"]["code"].as_str().map(str::to_owned);
                break;
            }
            Some("complete") => break,
            _ => panic!("unexpected: {message:#}"),
        }
    }
    assert_eq!((seen, code.as_deref()), (1, Some("NOT_FOUND")), "it showed the first event, and ended");
}
