//! Keys over sockets.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{VIEWER, revoke};
use crate::support::{Who, World};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a socket and sends a payload; the first message, none where it was closed instead.
async fn open(world: &World, payload: &Value) -> (Socket, Option<Value>) {
    let address = format!("{}/graphql/ws", world.address.replace("http", "ws"));
    let mut request = address.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    send(&mut socket, json!({ "type": "connection_init", "payload": payload })).await;
    let first = receive(&mut socket).await;
    (socket, first)
}

async fn send(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.expect("sent");
}

async fn receive(socket: &mut Socket) -> Option<Value> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("in time");
        match message {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

/// The payload of the next answer to an operation.
async fn next(socket: &mut Socket, id: &str) -> Value {
    loop {
        let message = receive(socket).await.expect("open");
        if message["id"] == id && message["type"] == "next" {
            return message["payload"].clone();
        }
    }
}

#[tokio::test]
async fn a_key_opens_a_socket_and_what_it_follows_ends_within_two_seconds_of_its_revocation() {
    // Without a worker, so that the run never ends by itself.
    let world = World::without_worker().await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    let run = world.run(Who::Owner, &agent, "How many days?").await;
    let (id, key) = world.api_key(Who::Owner, "Follower", &["agent_run:read"]).await;
    let (mut socket, first) = open(&world, &json!({ "authorization": format!("Bearer {key}") })).await;
    assert_eq!(first.expect("open")["type"], "connection_ack");
    send(&mut socket, json!({ "type": "subscribe", "id": "who", "payload": { "query": VIEWER } })).await;
    assert_eq!(next(&mut socket, "who").await["data"]["viewer"]["apiKey"]["id"], json!(id));
    let query = "subscription($run: ID!) { agentRunEvents(agentRunId: $run) { seq } }";
    let payload = json!({ "query": query, "variables": { "run": run } });
    send(&mut socket, json!({ "type": "subscribe", "id": "run", "payload": payload })).await;
    assert_eq!(next(&mut socket, "run").await["data"]["agentRunEvents"]["seq"], 1);
    revoke(&world, &id).await;
    let revoked = Instant::now();
    let ended = next(&mut socket, "run").await;
    assert_eq!(ended["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{ended:#}");
    assert!(revoked.elapsed() < Duration::from_secs(2), "{:?}", revoked.elapsed());
    // The socket's next operation is refused, too.
    send(&mut socket, json!({ "type": "subscribe", "id": "again", "payload": { "query": VIEWER } })).await;
    assert_eq!(next(&mut socket, "again").await["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_socket_with_a_wrong_checksum_is_closed() {
    let world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Owner, "Mine", &["document:read"]).await;
    for wrong in [&key[..56], "fn_live_x"] {
        let payload = json!({ "authorization": format!("Bearer {wrong}") });
        assert_eq!(open(&world, &payload).await.1, None);
    }
    let both = json!({ "authorization": format!("Bearer {key}"), "x-workspace": "globex" });
    let (mut socket, first) = open(&world, &both).await;
    assert_eq!(first.expect("open")["type"], "connection_ack");
    send(&mut socket, json!({ "type": "subscribe", "id": "1", "payload": { "query": VIEWER } })).await;
    assert_eq!(next(&mut socket, "1").await["errors"][0]["extensions"]["code"], "NOT_FOUND");
}
