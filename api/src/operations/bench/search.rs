//! How long a search takes, and how much of that is the engine's.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::net::TcpListener;

use super::ingestion::{self, Ingested};
use super::place::Place;
use super::searchers::{Client, FIRST, Prepared, Way};
use super::{Latencies, Machine, Memory, SEARCH_TARGET, rounded};
use crate::operations::Failure;
use crate::server::ServeOptions;
use crate::supervisor;

/// How often the ways take turns.
const ROUNDS: usize = 10;
/// What the adapter of a server calls itself.
const SERVER: &str = "qdrant-server";

/// What is asked, and how much at a time.
#[derive(Clone, Debug)]
pub struct Load {
    /// Numbers of clients, each measured for itself; a client asks again when it has its answer.
    pub clients: Vec<usize>,
    /// Searches in each way for each number of clients, at least.
    pub requests: usize,
}

/// One way with one number of clients.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Clients at a time.
    pub clients: usize,
    /// How it was asked.
    pub way: Way,
    /// How many searches were measured.
    pub requests: usize,
    /// How long they took.
    #[serde(flatten)]
    pub latencies: Latencies,
    /// How many of them were answered per second.
    pub requests_per_second: f64,
    /// The median over that of the engine alone.
    pub p50_ratio: f64,
    /// The 99th percentile over that of the engine alone.
    pub p99_ratio: f64,
}

/// How long searches take.
#[derive(Clone, Debug, Serialize)]
pub struct SearchReport {
    /// On what.
    pub machine: Machine,
    /// Which engine: in this process, or a server.
    pub engine: &'static str,
    /// In what.
    pub corpus: Ingested,
    /// Passages that a search asked for.
    pub first: usize,
    /// Each way with each number of clients.
    pub results: Vec<Measured>,
    /// After all of them.
    pub memory: Memory,
    /// How many times the engine's own median a search may take.
    pub target_p50_ratio: f64,
}

/// Measures.
///
/// # Errors
///
/// [`Failure::Refused`] with what the API says, [`Failure::DoesNotHold`] where an answer lacks hits.
pub async fn measure(place: &mut Place, load: &Load) -> Result<SearchReport, Failure> {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let refused = |source| Failure::Listen { address, source };
    let workspace = place.workspace("search").await?;
    let id = workspace.id;
    let corpus = ingestion::fill(place, &workspace).await?;
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    place.stack().start_server(listener, ServeOptions::default());
    let prepared = Arc::new(Prepared::new(place, workspace, bound).await?);
    for way in Way::ALL {
        // Warms caches, pools and prepared statements.
        run(&prepared, way, 4, prepared.len()).await?;
    }
    let mut results = Vec::new();
    for clients in &load.clients {
        results.extend(compare(&prepared, *clients, load.requests).await?);
    }
    let vectors = place.stack().app().vectors().clone();
    let engine = vectors.status().engine;
    if engine == SERVER {
        // The measurement's points are not the server's owner's.
        let removed = vectors.for_workspace(id.0).remove_all().await;
        removed.map_err(|error| Failure::Start(error.to_string()))?;
    }
    Ok(SearchReport {
        machine: Machine::here(),
        engine,
        corpus,
        first: FIRST,
        results,
        memory: Memory::now(),
        target_p50_ratio: SEARCH_TARGET,
    })
}

/// Latencies, and the time in which they came about.
#[derive(Default)]
struct Times {
    latencies: Vec<Duration>,
    elapsed: Duration,
}

/// Each way with so many clients, in turns, so that whatever drifts meanwhile drifts for all of them.
async fn compare(
    prepared: &Arc<Prepared>,
    clients: usize,
    requests: usize,
) -> Result<Vec<Measured>, Failure> {
    let each = requests.div_ceil(ROUNDS * clients);
    let mut times: [Times; Way::ALL.len()] = Default::default();
    for round in 0..ROUNDS {
        for turn in 0..Way::ALL.len() {
            let n = (round + turn) % Way::ALL.len();
            let done = run(prepared, Way::ALL[n], clients, each).await?;
            times[n].latencies.extend(done.latencies);
            times[n].elapsed += done.elapsed;
        }
    }
    let mut measured: Vec<Measured> = Vec::new();
    for (way, Times { latencies, elapsed }) in Way::ALL.into_iter().zip(times) {
        let requests = latencies.len();
        let latencies = Latencies::of(latencies);
        let floor = measured.first().map_or(latencies, |engine| engine.latencies);
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
        let per_second = requests as f64 / elapsed.as_secs_f64();
        measured.push(Measured {
            clients,
            way,
            requests,
            latencies,
            requests_per_second: per_second.round(),
            p50_ratio: rounded(latencies.p50_ms / floor.p50_ms),
            p99_ratio: rounded(latencies.p99_ms / floor.p99_ms),
        });
    }
    Ok(measured)
}

/// So many clients at once, each with so many searches; every way asks the same questions in the same order.
async fn run(prepared: &Arc<Prepared>, way: Way, clients: usize, each: usize) -> Result<Times, Failure> {
    let mut ready = Vec::with_capacity(clients);
    for _ in 0..clients {
        ready.push(Client::new(prepared, way).await?);
    }
    let began = Instant::now();
    let start = |(n, client)| supervisor::spawn("bench client", ask(client, n * each, each)).abort_on_drop();
    let tasks: Vec<_> = ready.into_iter().enumerate().map(start).collect();
    let mut latencies = Vec::with_capacity(clients * each);
    for mut task in tasks {
        let asked = task.join().await.unwrap_or_else(|| Err(Failure::Start("a client panicked".to_owned())));
        latencies.extend(asked?);
    }
    Ok(Times { latencies, elapsed: began.elapsed() })
}

async fn ask(mut client: Client, first: usize, count: usize) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::with_capacity(count);
    for question in first..first + count {
        let began = Instant::now();
        let hits = client.search(question).await?;
        latencies.push(began.elapsed());
        if hits < FIRST {
            return Err(Failure::DoesNotHold(format!("a search had {hits} hits where there are {FIRST}")));
        }
    }
    Ok(latencies)
}
