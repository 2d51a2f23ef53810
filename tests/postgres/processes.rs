//! Several processes on one database: gateways that run no jobs, and workers that answer no requests.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use footnote_qdrant_server::Server;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::crash::{Caller, Process, caller, nothing_doubled};
use crate::support::database::TestDatabase;
use crate::support::world::text;

/// The exit code and the last words of a command that does not start.
fn refused(arguments: &[&str], settings: &[(&str, String)]) -> (Option<i32>, String) {
    let data = TempDir::new().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_footnote"))
        .args(arguments)
        .arg("--data")
        .arg(data.path().join("data"))
        .env_clear()
        .envs(settings.iter().map(|(name, value)| (*name, value.as_str())))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let since = Instant::now();
    while child.try_wait().expect("a status").is_none() {
        if since.elapsed() > Duration::from_secs(20) {
            child.kill().expect("killed");
            panic!("{arguments:?} starts");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut words = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut words).expect("text");
    assert!(!data.path().join("data").exists(), "{arguments:?} has made a data folder");
    (child.wait().expect("a status").code(), words)
}

#[tokio::test]
async fn half_of_the_work_on_stores_that_nobody_shares_is_refused_with_a_line_for_each() {
    let database = TestDatabase::create().await;
    let settings = database.settings();
    for command in [&["worker"][..], &["serve", "--no-worker", "--listen", "127.0.0.1:0"]] {
        let (code, words) = refused(command, &[]);
        assert_eq!(code, Some(2), "{words}");
        for setting in ["DATABASE_URL", "QDRANT_URL", "OBJECTS_URL"] {
            assert!(words.contains(setting), "{words}");
        }
        let (code, words) = refused(command, &settings);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains("QDRANT_URL") && !words.contains("DATABASE_URL"), "{words}");
    }
}

#[tokio::test]
async fn a_process_with_one_duty_asks_for_the_address_of_its_own_role() {
    let elsewhere =
        [("QDRANT_URL", "http://127.0.0.1:1".to_owned()), ("OBJECTS_URL", "s3://footnote".to_owned())];
    for (command, has, lacks) in [
        (&["worker"][..], "FOOTNOTE_APP_DATABASE_URL", "FOOTNOTE_WORKER_DATABASE_URL"),
        (
            &["serve", "--no-worker", "--listen", "127.0.0.1:0"],
            "FOOTNOTE_WORKER_DATABASE_URL",
            "FOOTNOTE_APP_DATABASE_URL",
        ),
    ] {
        let mut settings = elsewhere.to_vec();
        settings.push((has, "postgresql://somebody@127.0.0.1:1/nothing".to_owned()));
        let (code, words) = refused(command, &settings);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains(lacks), "{words}");
    }
}

/// What a process of one duty is told: the stores that all share, and the address of its own role alone.
fn settings(database: &TestDatabase, qdrant: &Server, role: &str) -> Vec<(&'static str, String)> {
    let mut settings = database.settings();
    settings.retain(|(name, _)| {
        !name.ends_with("_DATABASE_URL") || name.contains(role) || name.contains("LISTEN")
    });
    for (name, value) in [
        ("QDRANT_URL", format!("http://{}", qdrant.address())),
        ("OBJECTS_URL", "s3://footnote".to_owned()),
        ("OBJECTS_ENDPOINT", "http://127.0.0.1:1".to_owned()),
        ("OBJECTS_ACCESS_KEY_ID", "id".to_owned()),
        ("OBJECTS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("SMTP_URL", "smtp://127.0.0.1:1".to_owned()),
        ("FOOTNOTE_PUBLIC_URL", "https://api.example".to_owned()),
    ] {
        settings.push((name, value));
    }
    settings
}

/// Starts a run at the gateway and follows it there to its end; how long that took.
async fn run(caller: &Caller, gateway: &Process, agent: &str) -> Duration {
    let since = Instant::now();
    let input = json!({ "agentId": agent, "input": "How many days of leave are there?" });
    let query = "mutation($input: AgentRunStartInput!) { agentRunStart(input: $input) { agentRun { id } } }";
    let data = caller.ask(gateway, query, json!({ "input": input })).await;
    let run = text(&data["agentRunStart"]["agentRun"]["id"]);
    let mut request = text(&gateway.ready["websocket"]).into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let init = json!({ "type": "connection_init", "payload": { "authorization": caller.authorization, "x-workspace": "acme" } });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let query = "subscription($run: ID!) { agentRunEvents(agentRunId: $run) { seq statusAfter } }";
    let subscribe =
        json!({ "id": "1", "type": "subscribe", "payload": { "query": query, "variables": { "run": run } } });
    let mut last = Value::Null;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_mins(1), socket.next()).await {
        let Ok(Message::Text(message)) = message else { continue };
        let message: Value = serde_json::from_str(&message).expect("JSON");
        match message["type"].as_str() {
            Some("connection_ack") => socket.send(Message::text(subscribe.to_string())).await.expect("sent"),
            Some("next") => last = message["payload"]["data"]["agentRunEvents"]["statusAfter"].clone(),
            _ => break,
        }
    }
    assert_eq!(last, "SUCCEEDED");
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_started_at_a_gateway_is_done_by_a_worker_and_its_events_come_at_once() {
    let qdrant = Server::start().expect("a port and a folder");
    let database = TestDatabase::create().await;
    let data = TempDir::new().expect("a folder");
    let gateway = Process::run(&["serve", "--no-worker"], data.path(), settings(&database, &qdrant, "APP"));
    let caller = caller(&database, &data).await;
    let made = caller.ask(&gateway, "mutation { collectionCreate(input: { name: \"Handbook\" }) { collection { id } } agentCreate(input: { name: \"Assistant\" }) { agent { id } } }", json!({})).await;
    let (collection, agent) =
        (text(&made["collectionCreate"]["collection"]["id"]), text(&made["agentCreate"]["agent"]["id"]));
    let input = json!({ "collectionId": collection, "title": "Leave", "markdown": "There are thirty days of paid leave." });
    caller
        .ask(
            &gateway,
            "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } } }",
            json!({ "input": input }),
        )
        .await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let ingestions = "{ ingestions(first: 1) { nodes { status } } }";
    let data_of = async || {
        caller.ask(&gateway, ingestions, json!({})).await["ingestions"]["nodes"][0]["status"].clone()
    };
    assert_eq!(data_of().await, "QUEUED", "a gateway runs no jobs");

    // Two workers that keep nothing and know no other role's password.
    let nowhere = [data.path().join("one"), data.path().join("two")];
    let mut workers: Vec<Process> = nowhere
        .iter()
        .map(|folder| Process::run(&["worker"], folder, settings(&database, &qdrant, "WORKER")))
        .collect();
    assert!(nowhere.iter().all(|folder| !folder.exists()), "nothing is kept beside what is shared");
    let readiness = text(&workers[0].ready["readiness"]);
    assert_eq!(caller.http.get(&readiness).send().await.expect("an answer").status().as_u16(), 200);
    let graphql = readiness.replace("/readyz", "/graphql");
    assert_eq!(caller.http.post(&graphql).send().await.expect("an answer").status().as_u16(), 404);
    let since = Instant::now();
    while data_of().await != "SUCCEEDED" {
        assert!(since.elapsed() < Duration::from_mins(1), "{}", data_of().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // Who polls looks once at the start and again a second later, so less than a second is a wake-up's doing.
    let mut fastest = Duration::MAX;
    for _ in 0..8 {
        fastest = fastest.min(run(&caller, &gateway, &agent).await);
    }
    assert!(fastest < Duration::from_millis(900), "{fastest:?}");

    // One is enough.
    workers.remove(0).kill();
    run(&caller, &gateway, &agent).await;
    drop(gateway);
    nothing_doubled(&database).await;
}
