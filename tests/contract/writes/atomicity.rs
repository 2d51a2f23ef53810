//! All or nothing: whatever stops an operation, at COMMIT too, nothing of it has happened, and nobody is woken.

use std::time::Duration;

use entity::id::AgentRunId;
use footnote::config::{Limits, Services};
use footnote::tenancy::Wake;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{hold, traces, until_blocked};
use crate::support::{Reply, Who, World};

/// Makes one of everything that a client can make, the run under an id of the client's making, then does `$last`.
fn everything_and(last: &str) -> String {
    format!(
        "mutation($run: ID!, $collection: ID!, $agent: ID!) {{
           a: collectionCreate(input: {{ name: \"New\" }}) {{ collection {{ id }} }}
           b: documentCreate(input: {{ collectionId: $collection, title: \"T\", text: \"T\" }}) {{ document {{ id }} }}
           c: agentRunStart(input: {{ id: $run, agentId: $agent, input: \"Q\" }}) {{ agentRun {{ id }} }}
           d: {last} }}"
    )
}

struct Scene {
    world: World,
    collection: String,
    agent: String,
    wakes: Receiver<Wake>,
}

impl Scene {
    async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    async fn with_limits(limits: Limits) -> Self {
        let world = World::with(limits, Services::default()).await;
        let collection = world.collection(Who::Owner, "Handbook").await;
        let agent = world.agent(Who::Owner, "Assistant").await;
        let wakes = world.stack.app().database().wakes().subscribe();
        Self { world, collection, agent, wakes }
    }

    fn variables(&self, run: AgentRunId) -> Value {
        json!({ "run": run.to_string(), "collection": self.collection, "agent": self.agent })
    }

    async fn ask(&self, run: AgentRunId, last: &str) -> Reply {
        self.world.ask(Who::Owner, &everything_and(last), self.variables(run)).await
    }

    /// Whether the followers of a run were woken.
    async fn woken(&mut self, run: AgentRunId) -> bool {
        let woken = async {
            loop {
                if matches!(self.wakes.recv().await, Ok(Wake::AgentRun(id)) if id == run) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_millis(300), woken).await.is_ok()
    }

    /// Checks that the operation leaves nothing; its answer.
    async fn nothing_of(&mut self, last: &str) -> Reply {
        let before = traces(&self.world).await;
        let run = AgentRunId::new();
        let reply = self.ask(run, last).await;
        assert_eq!(reply.body["data"], Value::Null, "{last}: {:#}", reply.body);
        assert_eq!(traces(&self.world).await, before, "{last}");
        assert!(!self.woken(run).await, "{last}");
        reply
    }

    /// Checks that the same operation happens when nothing stops it.
    async fn all_of(&mut self, last: &str) {
        let before = traces(&self.world).await;
        let run = AgentRunId::new();
        self.ask(run, last).await.data();
        let after = traces(&self.world).await;
        assert!(before.iter().zip(&after).filter(|(before, after)| before < after).count() >= 9, "{after:?}");
        assert!(self.woken(run).await);
    }

    /// Plants a rule that refuses collections of the name REFUSED, when it is looked at, with a code.
    async fn plant(&self, when: &str, code: &str) {
        let mut superuser = self.world.superuser().await;
        let sql = format!(
            "drop trigger if exists planted on public.collections;
             create or replace function public.planted() returns trigger language plpgsql as $$
             begin raise exception 'secret words of the database' using errcode = '{code}'; end $$;
             create constraint trigger planted after insert on public.collections deferrable {when}
             for each row when (new.name = 'REFUSED') execute function public.planted()"
        );
        // sql: literal because the code and the moment stand in this file.
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("planted");
    }
}

const REFUSED: &str = "collectionCreate(input: { name: \"REFUSED\" }) { collection { id } }";

#[tokio::test]
async fn a_later_field_that_fails_takes_the_earlier_ones_back() {
    let mut scene = Scene::new().await;
    for (last, code) in [
        ("collectionCreate(input: { name: \"\" }) { collection { id } }", "BAD_USER_INPUT"),
        ("collectionCreate(input: { id: \"x\", name: \"x\" }) { collection { id } }", "BAD_USER_INPUT"),
        ("collectionCreate(input: { name: \"New\" }) { collection { id } }", "CONFLICT"),
        ("agentUpdate(input: { id: $agent, version: 7, name: \"x\" }) { agent { id } }", "CONFLICT"),
        ("collectionDelete(input: { id: $collection }) { deletedId }", "CONFLICT"),
        ("agentRunStart(input: { id: $run, agentId: $agent, input: \"Q\" }) { agentRun { id } }", "CONFLICT"),
        ("documentDelete(input: { id: \"document_01h455vb4pex5vsknk084sn02q\" }) { deletedId }", "NOT_FOUND"),
        // The write is fine; a field of its answer is not.
        (
            "collectionUpdate(input: { id: $collection, version: 1, name: \"x\" }) { collection { documents(first: 0) { nodes { id } } } }",
            "BAD_USER_INPUT",
        ),
    ] {
        assert_eq!(scene.nothing_of(last).await.code(), code, "{last}");
    }
    scene.all_of("agentUpdate(input: { id: $agent, version: 1, name: \"x\" }) { agent { id } }").await;
}

#[tokio::test]
async fn a_rule_that_is_looked_at_when_all_is_done_takes_everything_back() {
    let mut scene = Scene::new().await;
    for (code, expected, retryable) in [
        // check_violation, unique_violation and foreign_key_violation: what was asked for breaks a rule.
        ("23514", "CONFLICT", false),
        ("23505", "CONFLICT", false),
        ("23503", "CONFLICT", false),
        // serialization_failure
        ("40001", "CONFLICT", true),
        // raise_exception: nobody knows what it means.
        ("P0001", "INTERNAL", false),
    ] {
        scene.plant("initially deferred", code).await;
        let reply = scene.nothing_of(REFUSED).await;
        assert_eq!(reply.code(), expected, "{code}");
        let extensions = &reply.body["errors"][0]["extensions"];
        assert_eq!(extensions["retryable"], retryable, "{code}");
        assert_eq!(extensions.get("details"), None);
        assert_eq!(reply.body["errors"][0].get("path"), None, "COMMIT is no field's");
        let told = reply.body.to_string();
        assert!(!told.contains("secret") && !told.contains("planted") && !told.contains(code), "{told}");
    }
    let collections = scene.world.count("select count(*) from collections where name = 'REFUSED'").await;
    assert_eq!(collections, 0);
    scene.all_of("agentUpdate(input: { id: $agent, version: 1, name: \"x\" }) { agent { id } }").await;
}

#[tokio::test]
async fn the_same_rule_looked_at_at_once_is_a_fault_of_ours() {
    let mut scene = Scene::new().await;
    scene.plant("initially immediate", "23514").await;
    assert_eq!(scene.nothing_of(REFUSED).await.code(), "INTERNAL");
}

const BLOCKED: &str = "agentUpdate(input: { id: $agent, version: 1, name: \"x\" }) { agent { id } }";

/// How a client ends an operation that waits for its last field.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// It closes the connection of its request.
    Disconnects,
    /// It sends `complete` over its socket, and keeps the socket.
    Completes,
    /// It waits until the server's patience is at its end.
    Waits,
}

async fn leave(scene: &Scene, run: AgentRunId, how: Leaves) {
    let blocked = until_blocked(&scene.world, 1);
    match how {
        Leaves::Disconnects => tokio::select! {
            reply = scene.ask(run, BLOCKED) => panic!("the agent is locked: {:#}", reply.body),
            () = blocked => {}
        },
        Leaves::Waits => {
            let (reply, ()) = tokio::join!(scene.ask(run, BLOCKED), blocked);
            assert_eq!(reply.code(), "DEADLINE_EXCEEDED");
            assert_eq!(reply.body["data"], Value::Null);
        }
        Leaves::Completes => {
            let mut socket = socket(&scene.world).await;
            let payload = json!({ "query": everything_and(BLOCKED), "variables": scene.variables(run) });
            let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
            socket.send(Message::text(subscribe.to_string())).await.expect("sent");
            blocked.await;
            let complete = json!({ "id": "1", "type": "complete" });
            socket.send(Message::text(complete.to_string())).await.expect("sent");
            tokio::time::sleep(Duration::from_millis(300)).await;
            socket.send(Message::text(json!({ "type": "ping" }).to_string())).await.expect("still open");
        }
    }
}

async fn socket(world: &World) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let address = format!("{}/graphql/ws", world.address.replace("http", "ws"));
    let mut request = address.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let (authorization, workspace) = world.headers(Who::Owner).expect("a token");
    let payload = json!({ "authorization": authorization, "x-workspace": workspace });
    let init = json!({ "type": "connection_init", "payload": payload });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let acknowledged = socket.next().await.expect("an answer").expect("a message");
    assert!(acknowledged.to_string().contains("connection_ack"), "{acknowledged}");
    socket
}

#[tokio::test]
async fn a_client_that_leaves_takes_everything_back() {
    for how in [Leaves::Disconnects, Leaves::Completes, Leaves::Waits] {
        let limits = match how {
            Leaves::Waits => Limits { request_seconds: 1, ..Limits::default() },
            Leaves::Disconnects | Leaves::Completes => Limits::default(),
        };
        let mut scene = Scene::with_limits(limits).await;
        let before = traces(&scene.world).await;
        let run = AgentRunId::new();
        let mut superuser = scene.world.superuser().await;
        let held = hold(&mut superuser, "select 1 from agents for update").await;
        leave(&scene, run, how).await;
        // Time for the server to hear of it; had it not, it would now go on to COMMIT.
        tokio::time::sleep(Duration::from_millis(300)).await;
        held.rollback().await.expect("released");
        let busy = "select count(*) from pg_stat_activity
            where datname = current_database() and usename = 'footnote_app' and state <> 'idle'";
        for _ in 0..300 {
            if scene.world.count(busy).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(scene.world.count(busy).await, 0, "{how:?} leaves no transaction open");
        assert_eq!(traces(&scene.world).await, before, "{how:?}");
        assert!(!scene.woken(run).await, "{how:?}");
        scene.all_of(BLOCKED).await;
    }
}
