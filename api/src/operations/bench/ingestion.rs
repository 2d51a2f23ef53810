//! How fast documents become searchable: the demo's corpus through the API and the worker, until the last one is published.
//!
//! It is measured twice, each time in a workspace of its own: with everything queued before the worker begins, which is the
//! worker's own speed, and end to end, from the first request, while the documents are still being made.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::place::{Place, Workspace};
use super::{BehindProvider, INGESTION_TARGET, Machine, Memory, rounded};
use crate::operations::signed_in::SignedIn;
use crate::operations::{Failure, seed};

/// Often enough that a measurement is right to a hundredth, seldom enough that asking costs nothing.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Milliseconds that each stage took, added up over the documents; stages of several documents run at a time.
pub type Stages = BTreeMap<String, i64>;

/// A corpus that was ingested.
#[derive(Clone, Debug, Serialize)]
pub struct Ingested {
    /// Documents, each of one version.
    pub documents: usize,
    /// Passages of them that can be found.
    pub chunks: i64,
    /// From the beginning to the publication of the last one.
    pub seconds: f64,
    /// Passages per second.
    pub chunks_per_second: f64,
    /// Where the time went.
    pub stages_ms: Stages,
}

/// How fast ingestion is.
#[derive(Clone, Debug, Serialize)]
pub struct IngestionReport {
    /// On what.
    pub machine: Machine,
    /// Jobs that ran at a time.
    pub worker_concurrency: usize,
    /// How long the API took to make all documents, while no worker ran.
    pub creation_seconds: f64,
    /// From the worker's start, with everything queued.
    pub queued: Ingested,
    /// From the first request, with the worker running.
    pub end_to_end: Ingested,
    /// The same, embedded by a provider that takes a while to answer; null where that was not asked for.
    pub behind_provider: Option<BehindProvider>,
    /// After both with the model in the binary.
    pub memory: Memory,
    /// Passages per second that it should reach end to end.
    pub target_chunks_per_second: f64,
}

/// Measures.
///
/// # Errors
///
/// [`Failure::Refused`] with what the API says, [`Failure::DoesNotHold`] where a document could not be ingested.
pub async fn measure(place: &mut Place) -> Result<IngestionReport, Failure> {
    let (creation_seconds, queued) = queued(place).await?;
    let end_to_end = live(place).await?;
    Ok(IngestionReport {
        machine: Machine::here(),
        worker_concurrency: place.stack().app().limits().worker_concurrency,
        creation_seconds,
        queued,
        end_to_end,
        behind_provider: None,
        memory: Memory::now(),
        target_chunks_per_second: INGESTION_TARGET,
    })
}

/// Makes all documents, then starts the worker; the seconds of the making, and what the worker did.
pub(super) async fn queued(place: &mut Place) -> Result<(f64, Ingested), Failure> {
    let queued = place.workspace("queued").await?;
    let began = Instant::now();
    seed::manual_documents(&queued.owner).await?;
    let creation_seconds = rounded(began.elapsed().as_secs_f64());
    let began = Instant::now();
    place.stack().start_worker();
    Ok((creation_seconds, finish(&queued.owner, began).await?))
}

/// Makes all documents while the worker runs.
pub(super) async fn live(place: &mut Place) -> Result<Ingested, Failure> {
    let live = place.workspace("live").await?;
    let began = Instant::now();
    seed::manual_documents(&live.owner).await?;
    finish(&live.owner, began).await
}

/// Fills a workspace and waits for the worker, which it starts.
pub(super) async fn fill(place: &mut Place, workspace: &Workspace) -> Result<Ingested, Failure> {
    let began = Instant::now();
    place.stack().start_worker();
    seed::manual_documents(&workspace.owner).await?;
    finish(&workspace.owner, began).await
}

/// Waits until nothing is left to ingest, and looks at what became of it.
async fn finish(owner: &SignedIn, began: Instant) -> Result<Ingested, Failure> {
    while is_busy(owner).await? {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let document = "query($after: String) { ingestions(first: 100, after: $after) {
      nodes { status chunkCount timings { stage durationMs } } pageInfo { hasNextPage endCursor } } }";
    let ingestions = owner.list("look at the ingestions", "ingestions", document, json!({})).await?;
    let failed = ingestions.iter().filter(|ingestion| ingestion["status"] != "SUCCEEDED").count();
    let chunks: i64 = ingestions.iter().filter_map(|ingestion| ingestion["chunkCount"].as_i64()).sum();
    if failed > 0 || chunks == 0 {
        return Err(Failure::DoesNotHold(format!(
            "{failed} of {} documents could not be ingested, so there is nothing to measure",
            ingestions.len()
        )));
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of passages is far below 2^52")]
    let per_second = chunks as f64 / seconds;
    Ok(Ingested {
        documents: ingestions.len(),
        chunks,
        seconds: rounded(seconds),
        chunks_per_second: per_second.round(),
        stages_ms: stages(&ingestions),
    })
}

async fn is_busy(owner: &SignedIn) -> Result<bool, Failure> {
    let document = "{ queued: ingestions(status: QUEUED, first: 1) { nodes { id } }
                      running: ingestions(status: RUNNING, first: 1) { nodes { id } } }";
    let found = owner.execute("follow the ingestion", document, json!({})).await?;
    let any = |field: &str| found[field]["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty());
    Ok(any("queued") || any("running"))
}

fn stages(ingestions: &[Value]) -> Stages {
    let mut stages = Stages::new();
    for timing in ingestions.iter().filter_map(|ingestion| ingestion["timings"].as_array()).flatten() {
        if let (Some(stage), Some(ms)) = (timing["stage"].as_str(), timing["durationMs"].as_i64()) {
            *stages.entry(stage.to_owned()).or_default() += ms;
        }
    }
    stages
}
