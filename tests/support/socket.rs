//! A client of `graphql-transport-ws` that asks for one thing and reads the first word about it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::World;

/// How long the first word may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came first.
#[derive(Debug)]
pub enum Word {
    /// A response of the operation, as JSON.
    Response(String),
    /// The operation ended without one.
    Complete,
    /// The socket was closed with this code.
    Closed(u16),
}

/// Opens a socket with these credentials, subscribes, and goes away after the first word.
pub async fn first_word(world: &World, credentials: &[(&str, &str)], query: &str, variables: &Value) -> Word {
    let address = format!("{}/graphql/ws", world.address.replace("http", "ws"));
    let mut request = address.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let payload: Map<String, Value> =
        credentials.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let init = json!({ "type": "connection_init", "payload": payload });
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let subscribe =
        json!({ "id": "1", "type": "subscribe", "payload": { "query": query, "variables": variables } });
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a word in time");
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                return Word::Closed(frame.map_or(1005, |frame| frame.code.into()));
            }
            Some(Ok(_)) => continue,
            other => panic!("the socket broke: {other:?}"),
        };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        let first = match message["type"].as_str() {
            Some("connection_ack") => {
                socket.send(Message::text(subscribe.to_string())).await.expect("sent");
                continue;
            }
            Some("next") => Word::Response(message["payload"].to_string()),
            Some("error") => Word::Response(json!({ "errors": message["payload"] }).to_string()),
            Some("complete") => Word::Complete,
            _ => panic!("unexpected: {message:#}"),
        };
        let _ = socket.close(None).await;
        return first;
    }
}
