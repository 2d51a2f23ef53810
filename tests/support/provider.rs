//! A provider of models with a script: it embeds with the model in the binary and says, turn by turn, what a test wants said.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use axum::routing::post;
use axum::{Json, Router};
use footnote::adapters::embeddings::{Embedder, StaticModel};
use footnote::config::Services;
use footnote::supervisor::{self, AbortOnDrop};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the model does when it is asked.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Says these pieces.
    Say(Vec<&'static str>),
    /// Says these pieces with a pause before each.
    Slowly(Vec<&'static str>, Duration),
    /// Says these pieces, then breaks off.
    Cut(Vec<&'static str>),
    /// Says this, then calls a tool with these arguments.
    Call(&'static str, &'static str, &'static str),
    /// Answers with a status, a content type and a body.
    Answer(u16, &'static str, &'static str),
}

struct Inner {
    model: StaticModel,
    script: Mutex<VecDeque<Turn>>,
    asked: Mutex<Vec<Value>>,
    /// How many streams have ended, to their end or not.
    over: watch::Sender<usize>,
}

/// A running provider.
pub struct Provider {
    /// `127.0.0.1:port`.
    pub address: String,
    inner: Arc<Inner>,
    _server: AbortOnDrop<()>,
}

impl Provider {
    /// With this script; its last turn is said for ever.
    pub async fn open(script: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let model = StaticModel::load().expect("the model that is built in");
        let (script, asked) = (Mutex::new(script.into_iter().collect()), Mutex::default());
        let inner = Arc::new(Inner { model, script, asked, over: watch::Sender::new(0) });
        let router = Router::new()
            .route("/v1/embeddings", post(embed))
            .route("/v1/chat/completions", post(chat))
            .with_state(inner.clone());
        let server = supervisor::spawn("provider", async move {
            axum::serve(listener, router).await.expect("a server");
        });
        Self { address, inner, _server: server.abort_on_drop() }
    }

    /// What the model was asked, in order.
    pub fn asked(&self) -> Vec<Value> {
        self.inner.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many streams have ended.
    pub async fn over(&self, count: usize) {
        let _ = self.inner.over.subscribe().wait_for(|over| *over >= count).await;
    }
}

/// The services of a server that asks a chat model at this address, with patience for tests.
pub fn answering(address: &str) -> Services {
    let mut services = Services::default();
    services.model.llm_url = Some(format!("http://{address}/v1"));
    services.model.llm_model = Some("scripted".to_owned());
    services.model.llm_silence_seconds = Some(2);
    services
}

/// The services of a server that asks for embeddings at this address.
pub fn embedding(address: &str) -> Services {
    let mut services = Services::default();
    services.embeddings.embeddings_url = Some(format!("http://{address}/v1"));
    services.embeddings.embeddings_model = Some("static".to_owned());
    services.embeddings.embeddings_dimensions = Some(256);
    services.embeddings.embeddings_seconds = Some(2);
    services
}

async fn embed(State(inner): State<Arc<Inner>>, Json(body): Json<Value>) -> Json<Value> {
    let texts = body["input"].as_array().expect("texts").iter();
    let texts = texts.map(|text| text.as_str().expect("a text").to_owned()).collect();
    let vectors = inner.model.embed(texts).await.expect("vectors");
    let data =
        vectors.iter().enumerate().map(|(index, vector)| json!({ "index": index, "embedding": vector }));
    Json(json!({ "data": data.collect::<Vec<_>>() }))
}

async fn chat(State(inner): State<Arc<Inner>>, body: Bytes) -> Response<Body> {
    let asked = serde_json::from_slice(&body).expect("JSON");
    inner.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    let turn = {
        let mut script = inner.script.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        turn.expect("a script")
    };
    let said =
        |pieces: Vec<&str>| pieces.into_iter().map(|piece| delta(&json!({ "content": piece }))).collect();
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 40, "completion_tokens": 9 } });
    let whole = |mut events: Vec<String>, reason: &str| {
        events.push(event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })));
        events.push(event(&usage));
        events.push("data: [DONE]\n\n".to_owned());
        events
    };
    match turn {
        Turn::Say(pieces) => stream(inner, whole(said(pieces), "stop"), Duration::ZERO),
        Turn::Slowly(pieces, pause) => stream(inner, whole(said(pieces), "stop"), pause),
        // A stream without its end.
        Turn::Cut(pieces) => stream(inner, said(pieces), Duration::from_millis(300)),
        Turn::Call(text, name, arguments) => {
            let (head, tail) = arguments.split_at(arguments.len() / 2);
            let first = json!({ "index": 0, "id": "call_1", "type": "function", "function": { "name": name, "arguments": head } });
            let second = json!({ "index": 0, "function": { "arguments": tail } });
            let calls = [first, second].map(|call| delta(&json!({ "tool_calls": [call] })));
            let events = [delta(&json!({ "content": text }))].into_iter().chain(calls).collect();
            stream(inner, whole(events, "tool_calls"), Duration::from_millis(150))
        }
        Turn::Answer(status, kind, body) => {
            let response = Response::builder().status(status).header("content-type", kind);
            response.body(Body::from(body)).expect("a response")
        }
    }
}

/// Counts a stream when it is dropped, also where its reader went away.
struct Over(Arc<Inner>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.send_modify(|over| *over += 1);
    }
}

fn stream(inner: Arc<Inner>, events: Vec<String>, pause: Duration) -> Response<Body> {
    let state = (events.into_iter(), Over(inner));
    let stream = futures_util::stream::unfold(state, move |(mut events, over)| async move {
        let event = events.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, Infallible>(event), (events, over)))
    });
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(Body::from_stream(stream)).expect("a response")
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn delta(delta: &Value) -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }))
}
