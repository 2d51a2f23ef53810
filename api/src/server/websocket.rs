//! `GET /graphql/ws`: the subprotocol `graphql-transport-ws`
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>), spoken by the library.
//!
//! Around the library this guarantees an end to sockets that do not begin, do not answer or do not read, close codes and
//! reasons of the protocol, bounded messages and small buffers, and a farewell when the server stops. It refuses other
//! subprotocols, pages of other origins and sockets without a valid token.
//!
//! What the library does otherwise than the protocol, until a state machine of ours takes its place: a second operation
//! under an id that is in use replaces the first instead of closing with 4409; `subscribe` of an operation that is refused
//! before it is executed is answered by `next` instead of `error`; a `complete` of the client is answered by another; and
//! a socket outlives its token, although each of its operations asks the database whether the session lives.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_graphql::Data;
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt, sink};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::refusal::Refusal;
use super::request_id::panic_message;
use super::socket_executor::SocketExecutor;
use super::{Server, authentication, clients, origin, stopped};
use crate::client::Client;
use crate::error::Error;
use crate::graphql::RequestId;

const PROTOCOL: HeaderValue = HeaderValue::from_static("graphql-transport-ws");
/// The largest message, in bytes, where bodies may be larger.
const LARGEST_MESSAGE: usize = 1024 * 1024;
/// The library's default of 128 KiB would be most of an idle socket's memory.
const BUFFER: usize = 4 * 1024;
/// How long `connection_init` may take.
const INITIALISING: Duration = Duration::from_secs(3);
/// A socket that has been silent from one ping to the next is closed, so at the latest 30 s after its last word.
const PING: Duration = Duration::from_secs(15);
/// How long a client may take to read one message.
const SENDING: Duration = Duration::from_secs(5);
/// How long a client may take to answer a close.
const CLOSING: Duration = Duration::from_secs(1);

/// Opens a socket.
pub(super) async fn upgrade(
    State(server): State<Arc<Server>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (mut head, _) = request.into_parts();
    match admit(&server, &mut head).await {
        Ok((upgrade, protocol)) => {
            let client = clients::of_socket(&server, &head);
            upgrade.on_upgrade(move |socket| serve(server, socket, protocol, client))
        }
        Err(refusal) => refusal.respond(&id),
    }
}

async fn admit(server: &Server, head: &mut Parts) -> Result<(WebSocketUpgrade, GraphQLProtocol), Refusal> {
    if !origin::may_open_socket(&head.headers, &server.options) {
        let error =
            Error::field("origin", "FOREIGN_ORIGIN", "Pages of this origin may not open a socket here.");
        return Err(Refusal::new(StatusCode::FORBIDDEN, error));
    }
    let refuse = || {
        let message = "Open a WebSocket with the subprotocol graphql-transport-ws.";
        Refusal::from(Error::field("sec-websocket-protocol", "UNSUPPORTED_PROTOCOL", message))
    };
    let offered = head.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    if !offered.any(|name| name.trim().as_bytes() == PROTOCOL.as_bytes()) {
        return Err(refuse());
    }
    // The library would take the first name that it knows, and it knows an older subprotocol too.
    head.headers.insert(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    let protocol = GraphQLProtocol::from_request_parts(head, &()).await.map_err(|_| refuse())?;
    let upgrade = WebSocketUpgrade::from_request_parts(head, &()).await.map_err(|_| refuse())?;
    let largest = server.app.limits().max_body_bytes.min(LARGEST_MESSAGE);
    let upgrade = upgrade
        .protocols(["graphql-transport-ws"])
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(largest)
        .max_frame_size(largest);
    Ok((upgrade, protocol))
}

/// Serves a socket from its upgrade to its end.
async fn serve(server: Arc<Server>, socket: WebSocket, protocol: GraphQLProtocol, client: Client) {
    let _open = Open::new(&server.sockets);
    let (mut sink, mut stream) = socket.split();
    let end = converse(&server, (&mut sink, &mut stream), protocol, client).await;
    let farewell = async {
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code, reason: reason.into() };
            // Whoever is gone misses nothing.
            let _ = sink.send(Message::Close(Some(frame))).await;
        }
        let _ = sink.close().await;
        // Words that nobody reads would make the system tear the connection before the close frame arrives.
        while let Some(Ok(_)) = stream.next().await {}
    };
    let _ = timeout(CLOSING, farewell).await;
}

/// How a conversation ends.
enum End {
    /// We say why.
    Close(u16, &'static str),
    /// The client has closed, or is out of reach.
    Gone,
}

/// What the parts of a conversation tell each other.
struct Progress {
    /// Whether `connection_init` came.
    initialised: AtomicBool,
    /// Whether its credentials were refused.
    refused: AtomicBool,
    /// Whether the client was heard since the last ping.
    heard: AtomicBool,
    /// Whether what came was no message that may come.
    broken: AtomicBool,
}

async fn converse(
    server: &Arc<Server>,
    (sink, stream): (&mut SplitSink<WebSocket, Message>, &mut SplitStream<WebSocket>),
    protocol: GraphQLProtocol,
    client: Client,
) -> End {
    let progress = Arc::new(Progress {
        initialised: AtomicBool::new(false),
        refused: AtomicBool::new(false),
        heard: AtomicBool::new(true),
        broken: AtomicBool::new(false),
    });
    let words = stream.inspect(|word| {
        progress.heard.store(true, Ordering::Relaxed);
        if word.is_err() {
            progress.broken.store(true, Ordering::Relaxed);
        }
    });
    let (outbox, mut outgoing) = mpsc::channel::<Message>(1);
    let outbox = sink::unfold(outbox, async |outbox, message| outbox.send(message).await.map(|()| outbox));
    let deadline = Duration::from_secs(server.app.limits().request_seconds);
    let executor = SocketExecutor::new(server.schema.clone(), deadline);
    let initialising = {
        let (server, progress) = (server.clone(), progress.clone());
        move |payload| initialise(server, progress, client, payload)
    };
    let library = GraphQLWebSocket::new_with_pair(outbox, words, executor, protocol)
        .on_connection_init(initialising)
        .serve();
    let mut library = pin!(AssertUnwindSafe(library).catch_unwind());
    let mut working = true;
    let mut stop = pin!(stopped(server.stop.clone()));
    let mut late = pin!(sleep(INITIALISING));
    let mut waiting = true;
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    loop {
        let message = tokio::select! {
            () = &mut stop => return End::Close(1001, "Going away"),
            result = &mut library, if working => {
                working = false;
                if let Err(panic) = result {
                    tracing::error!(exception.message = panic_message(panic.as_ref()), "a socket's operation failed");
                    return End::Close(1011, "Internal error");
                }
                continue;
            }
            message = outgoing.recv() => match message {
                Some(Message::Close(frame)) => return close(frame.map_or(1000, |frame| frame.code), &progress),
                Some(message) => message,
                None if progress.broken.load(Ordering::Relaxed) => return End::Close(1009, "Not a message, or too large"),
                None => return End::Gone,
            },
            () = &mut late, if waiting => {
                waiting = false;
                if !progress.initialised.load(Ordering::Relaxed) {
                    return End::Close(4408, "Connection initialisation timeout");
                }
                continue;
            }
            _ = pings.tick() => {
                if !progress.heard.swap(false, Ordering::Relaxed) {
                    return End::Close(3008, "Timeout");
                }
                Message::Ping(Vec::new().into())
            }
        };
        if !matches!(timeout(SENDING, sink.send(message)).await, Ok(Ok(()))) {
            return End::Gone;
        }
    }
}

/// The protocol's code for what the library closes with. Its reasons quote what the client sent, at any length.
fn close(code: u16, progress: &Progress) -> End {
    match code {
        1002 if progress.refused.load(Ordering::Relaxed) => End::Close(4403, "Forbidden"),
        1002 => End::Close(4400, "Invalid message"),
        1011 => End::Close(4401, "Unauthorized"),
        4429 => End::Close(4429, "Too many initialisation requests"),
        other => End::Close(other, ""),
    }
}

/// Reads the credentials of `connection_init`.
async fn initialise(
    server: Arc<Server>,
    progress: Arc<Progress>,
    client: Client,
    payload: serde_json::Value,
) -> async_graphql::Result<Data> {
    progress.initialised.store(true, Ordering::Relaxed);
    let app = &server.app;
    match authentication::from_payload(app.tokens(), app.issuers(), &payload).await {
        Ok(origin) => {
            let mut data = Data::default();
            data.insert(origin);
            data.insert(client);
            Ok(data)
        }
        Err(error) => {
            progress.refused.store(true, Ordering::Relaxed);
            Err(error.into())
        }
    }
}

/// Counts a socket while it is open.
struct Open<'a>(&'a watch::Sender<usize>);

impl<'a> Open<'a> {
    fn new(sockets: &'a watch::Sender<usize>) -> Self {
        sockets.send_modify(|open| *open += 1);
        Self(sockets)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
