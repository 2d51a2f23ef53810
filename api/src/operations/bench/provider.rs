//! Ingestion behind a provider: the same corpus, embedded by the same model, but over HTTP by somebody who takes a while to answer.
//!
//! The provider is in this process, on a port of the loopback, and computes the static model's vectors: what differs from the model
//! in the binary is the wait, the requests and their bodies. Its computing is part of the measurement, on the same cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Place;
use super::ingestion::{self, Ingested};
use crate::adapters::embeddings::{Embedder, StaticModel};
use crate::config::{Limits, Services};
use crate::operations::Failure;
use crate::supervisor::{self, AbortOnDrop};

/// How fast ingestion is behind a provider.
#[derive(Clone, Debug, Serialize)]
pub struct BehindProvider {
    /// How long the provider waits before it answers.
    pub latency_ms: u64,
    /// Requests that it answered for the first corpus.
    pub requests: u64,
    /// From the worker's start, with everything queued.
    pub queued: Ingested,
    /// From the first request, with the worker running.
    pub end_to_end: Ingested,
}

/// Measures in a place of its own, which is gone afterwards.
///
/// # Errors
///
/// As for ingestion with the model in the binary.
pub async fn measure(limits: Limits, latency: Duration) -> Result<BehindProvider, Failure> {
    let provider = Provider::open(latency).await?;
    let mut services = Services::default();
    services.embeddings.embeddings_url = Some(provider.url.clone());
    services.embeddings.embeddings_model = Some("static".to_owned());
    services.embeddings.embeddings_dimensions = Some(provider.inner.model.dimensions());
    let mut place = Place::open_with(None, limits, services).await?;
    let measured = both(&mut place, &provider).await;
    let closed = place.close().await;
    let (queued, requests, end_to_end) = measured?;
    closed?;
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    Ok(BehindProvider { latency_ms, requests, queued, end_to_end })
}

async fn both(place: &mut Place, provider: &Provider) -> Result<(Ingested, u64, Ingested), Failure> {
    let (_, queued) = ingestion::queued(place).await?;
    let requests = provider.inner.requests.load(Ordering::Relaxed);
    Ok((queued, requests, ingestion::live(place).await?))
}

struct Inner {
    model: StaticModel,
    latency: Duration,
    requests: AtomicU64,
}

struct Provider {
    url: String,
    inner: Arc<Inner>,
    _server: AbortOnDrop<()>,
}

impl Provider {
    async fn open(latency: Duration) -> Result<Self, Failure> {
        let start = |error: std::io::Error| Failure::Start(format!("the provider cannot listen: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(start)?;
        let url = format!("http://{}/v1", listener.local_addr().map_err(start)?);
        let inner = Arc::new(Inner { model: StaticModel::load()?, latency, requests: AtomicU64::new(0) });
        let router = Router::new().route("/v1/embeddings", post(embed)).with_state(inner.clone());
        let server = supervisor::spawn("provider of the measurement", async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(exception.message = %error, "the provider of the measurement ended");
            }
        });
        Ok(Self { url, inner, _server: server.abort_on_drop() })
    }
}

#[derive(Deserialize)]
struct Question {
    input: Vec<String>,
}

async fn embed(
    State(inner): State<Arc<Inner>>,
    Json(Question { input }): Json<Question>,
) -> Result<Json<Value>, StatusCode> {
    tokio::time::sleep(inner.latency).await;
    inner.requests.fetch_add(1, Ordering::Relaxed);
    let vectors = inner.model.embed(input).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let data =
        vectors.iter().enumerate().map(|(index, vector)| json!({ "index": index, "embedding": vector }));
    Ok(Json(json!({ "data": data.collect::<Vec<_>>() })))
}
