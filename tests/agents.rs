//! Runs: asked, followed, answered, cited.

use std::time::Duration;

use footnote::agents::citations::sha256_hex;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::world::text;
use crate::support::{Who, World};

const LEAVE: &str = "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year. 🦀 Unused days expire in March.\n\n## Parents\n\nParents may take unpaid leave of twelve months after the birth of a child.";
const QUESTION: &str = "How many days of paid leave does an employee have?";

async fn ready(world: &World) -> String {
    let collection = world.collection(Who::Owner, "Handbook").await;
    let document = world.document(Who::Owner, &collection, "Leave", LEAVE).await;
    assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    world.agent(Who::Owner, "Assistant").await
}

#[tokio::test]
async fn every_citation_of_an_answer_stands_at_its_offsets() {
    let world = World::new().await;
    let agent = ready(&world).await;
    let run = world.run(Who::Member, &agent, QUESTION).await;
    let run = world.finished(Who::Member, &run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["answer"]["abstained"], json!(false), "{run:#}");
    assert!(text(&run["answer"]["text"]).contains("thirty days"));
    assert_eq!(run["answer"]["coverage"]["ratio"], json!(1.0));
    let kinds: Vec<_> =
        run["steps"]["nodes"].as_array().expect("steps").iter().map(|step| step["kind"].clone()).collect();
    assert_eq!(kinds, [json!("RETRIEVAL"), json!("ANSWER")]);
    let citations = run["citations"]["nodes"].as_array().expect("citations");
    assert!(!citations.is_empty());
    let answer: Vec<char> = text(&run["answer"]["text"]).chars().collect();
    for citation in citations {
        assert_eq!(
            (&citation["verification"], &citation["sourceStatus"]),
            (&json!("VERIFIED"), &json!("CURRENT"))
        );
        let query = "query($id: ID!, $start: Int!, $end: Int!) { node(id: $id) { ... on DocumentVersion { text(start: $start, end: $end) } } }";
        let variables = json!({ "id": citation["documentVersion"]["id"], "start": citation["startOffset"], "end": citation["endOffset"] });
        let data = world.ask(Who::Member, query, variables).await.data();
        let quote = text(&citation["quote"]);
        assert_eq!(text(&data["node"]["text"]), quote);
        assert_eq!(text(&citation["sha256"]), sha256_hex(&quote));
        let offset =
            |name: &str| usize::try_from(citation[name].as_u64().expect("an offset")).expect("small");
        let span: String = answer[offset("answerStartOffset")..offset("answerEndOffset")].iter().collect();
        assert_eq!(span, quote);
    }
}

#[tokio::test]
async fn a_question_that_the_documents_do_not_answer_is_not_answered() {
    let world = World::new().await;
    let agent = ready(&world).await;
    for question in ["What is the capital of Mongolia?", "この休暇はどのように計算されますか", "the of and"]
    {
        let run = world.run(Who::Member, &agent, question).await;
        let run = world.finished(Who::Member, &run).await;
        assert_eq!(
            (&run["status"], &run["answer"]["abstained"]),
            (&json!("SUCCEEDED"), &json!(true)),
            "{run:#}"
        );
        assert_eq!(run["citations"]["nodes"], json!([]));
    }
}

#[tokio::test]
async fn a_workspace_without_documents_abstains() {
    let world = World::new().await;
    let agent = world.agent(Who::Stranger, "Assistant").await;
    let run = world.run(Who::Stranger, &agent, QUESTION).await;
    let run = world.finished(Who::Stranger, &run).await;
    assert_eq!((&run["status"], &run["answer"]["abstained"]), (&json!("SUCCEEDED"), &json!(true)));
}

#[tokio::test]
async fn a_cited_version_survives_its_document() {
    let world = World::new().await;
    let agent = ready(&world).await;
    let id = world.run(Who::Owner, &agent, QUESTION).await;
    let run = world.finished(Who::Owner, &id).await;
    let document = text(&run["citations"]["nodes"][0]["document"]["id"]);
    world
        .ask(
            Who::Owner,
            "mutation($id: ID!) { documentDelete(input: { id: $id }) { deletedId } }",
            json!({ "id": document }),
        )
        .await
        .data();
    let jobs = "select count(*) from jobs";
    for _ in 0..100 {
        if world.count(jobs).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let query = "query($id: ID!) { agentRun(id: $id) { citations { nodes { quote sourceStatus document { id } chunk { id } context(before: 10, after: 10) { before quote after } } } } }";
    let data = world.ask(Who::Owner, query, json!({ "id": id })).await.data();
    let citation = &data["agentRun"]["citations"]["nodes"][0];
    assert_eq!(
        (&citation["sourceStatus"], &citation["document"], &citation["chunk"]),
        (&json!("DELETED"), &json!(null), &json!(null))
    );
    assert_eq!(citation["context"]["quote"], citation["quote"]);
}

#[tokio::test]
async fn a_queued_run_can_be_canceled_once_and_stays_so() {
    let world = World::without_worker().await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let run = world.run(Who::Owner, &agent, QUESTION).await;
    let cancel = "mutation($id: ID!) { agentRunCancel(input: { id: $id }) { agentRun { status version } } }";
    let first = world.ask(Who::Owner, cancel, json!({ "id": run })).await.data();
    assert_eq!(first["agentRunCancel"]["agentRun"]["status"], "CANCELED");
    assert_eq!(world.ask(Who::Owner, cancel, json!({ "id": run })).await.data(), first);
    let mut world = world;
    world.stack.start_worker();
    for _ in 0..100 {
        if world.count("select count(*) from jobs").await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.count("select count(*) from jobs").await, 0);
    assert_eq!(world.finished(Who::Owner, &run).await["status"], "CANCELED");
}

/// A `graphql-transport-ws` client that follows a run.
pub async fn follow(world: &World, who: Who, run: &str, after: Option<&str>, most: usize) -> Vec<Value> {
    let mut request = format!("{}/graphql/ws", world.address.replace("http", "ws"))
        .into_client_request()
        .expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let (authorization, workspace) = world.headers(who).expect("a token");
    let init = json!({ "type": "connection_init", "payload": { "authorization": authorization, "x-workspace": workspace } });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let query = "subscription($run: ID!, $after: String) { agentRunEvents(agentRunId: $run, after: $after) { cursor seq statusAfter event { __typename ... on AgentRunAnswerDelta { text replaces } ... on AgentRunCitationAdded { verification } } } }";
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": query, "variables": { "run": run, "after": after } } });
    let mut events = Vec::new();
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(30), socket.next()).await {
        let Ok(Message::Text(message)) = message else { continue };
        let message: Value = serde_json::from_str(&message).expect("JSON");
        match message["type"].as_str() {
            Some("connection_ack") => socket.send(Message::text(subscribe.to_string())).await.expect("sent"),
            Some("next") => {
                assert_eq!(message["payload"].get("errors"), None, "{message:#}");
                events.push(message["payload"]["data"]["agentRunEvents"].clone());
                if events.len() == most {
                    break;
                }
            }
            Some("complete") => break,
            _ => panic!("unexpected: {message:#}"),
        }
    }
    events
}

#[tokio::test]
async fn a_subscriber_that_lost_its_connection_goes_on_where_it_was() {
    let world = World::new().await;
    let agent = ready(&world).await;
    let run = world.run(Who::Member, &agent, QUESTION).await;
    let first = follow(&world, Who::Member, &run, None, 2).await;
    let rest = follow(&world, Who::Viewer, &run, first[1]["cursor"].as_str(), usize::MAX).await;
    let all: Vec<Value> = first.into_iter().chain(rest).collect();
    let seqs: Vec<_> = all.iter().map(|event| event["seq"].as_u64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "nothing missed, nothing twice");
    assert_eq!(all.last().expect("events")["statusAfter"], "SUCCEEDED");
    assert_eq!(follow(&world, Who::Member, &run, None, usize::MAX).await, all, "a replay is the same log");
    // The events, replayed, give the final state.
    let finished = world.finished(Who::Member, &run).await;
    let said: String = all.iter().filter_map(|event| event["event"]["text"].as_str()).collect();
    assert_eq!(said, text(&finished["answer"]["text"]));
    let cited = all.iter().filter(|event| event["event"]["verification"] == "VERIFIED").count();
    assert_eq!(Some(cited), finished["citations"]["nodes"].as_array().map(Vec::len));
}

#[tokio::test]
async fn another_tenants_run_cannot_be_followed() {
    let world = World::without_worker().await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let run = world.run(Who::Owner, &agent, QUESTION).await;
    let mut request = format!("{}/graphql/ws", world.address.replace("http", "ws"))
        .into_client_request()
        .expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let (authorization, workspace) = world.headers(Who::Stranger).expect("a token");
    let init = json!({ "type": "connection_init", "payload": { "authorization": authorization, "x-workspace": workspace } });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let query = format!("subscription {{ agentRunEvents(agentRunId: \"{run}\") {{ seq }} }}");
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": query } });
    socket.send(Message::text(subscribe.to_string())).await.expect("sent");
    while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_secs(10), socket.next()).await {
        let Message::Text(message) = message else { continue };
        let message: Value = serde_json::from_str(&message).expect("JSON");
        if message["type"] == "next" || message["type"] == "error" {
            assert!(message.to_string().contains("NOT_FOUND"), "{message:#}");
            return;
        }
    }
    panic!("no answer");
}
