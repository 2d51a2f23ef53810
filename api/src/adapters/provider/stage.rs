//! A provider on a stage: a server of the tests that answers each request as the script says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, Uri};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::supervisor::{self, AbortOnDrop};

/// An answer of the script, made from the request's body.
pub type Act = Box<dyn Fn(&Value) -> Response<Body> + Send + Sync>;

/// What was asked: the path, and the body as JSON.
pub type Asked = (String, Value);

struct Inner {
    script: Vec<Act>,
    asked: Mutex<Vec<Asked>>,
}

/// A running server; its last act answers everything after it.
pub struct Stage {
    pub url: String,
    inner: Arc<Inner>,
    _server: AbortOnDrop<()>,
}

impl Stage {
    pub async fn open(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let inner = Arc::new(Inner { script, asked: Mutex::default() });
        let router = Router::new().fallback(play).with_state(inner.clone());
        let server = supervisor::spawn("stage", async move {
            axum::serve(listener, router).await.expect("a server");
        });
        Self { url, inner, _server: server.abort_on_drop() }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn play(State(inner): State<Arc<Inner>>, uri: Uri, body: Bytes) -> Response<Body> {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let place = {
        let mut asked = inner.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push((uri.path().to_owned(), body.clone()));
        asked.len() - 1
    };
    inner.script[place.min(inner.script.len() - 1)](&body)
}

/// Answers with this.
pub fn answer(status: u16, kind: &'static str, body: impl Into<String>) -> Act {
    let body = body.into();
    Box::new(move |_| respond(status, kind, Body::from(body.clone())))
}

/// Answers with these headers, then one piece after another with a pause before each; `cut` breaks off instead of ending.
pub fn pieces(kind: &'static str, pieces: Vec<String>, pause: Duration, cut: bool) -> Act {
    Box::new(move |_| {
        let mut items: Vec<Result<String, std::io::Error>> = pieces.iter().cloned().map(Ok).collect();
        if cut {
            items.push(Err(std::io::Error::other("cut")));
        }
        let stream = futures_util::stream::unfold(items.into_iter(), move |mut rest| async move {
            let item = rest.next()?;
            tokio::time::sleep(pause).await;
            Some((item, rest))
        });
        respond(200, kind, Body::from_stream(stream))
    })
}

pub fn respond(status: u16, kind: &'static str, body: Body) -> Response<Body> {
    Response::builder().status(status).header("content-type", kind).body(body).expect("a response")
}
