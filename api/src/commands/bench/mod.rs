//! `footnote bench`: measures ingestion, search, reads and writes on this machine.

mod seeded;
mod tables;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::interrupt::Interrupt;
use super::output;
use crate::config::{Limits, Services, VectorService};
use crate::operations::Failure;
use crate::operations::bench::{self, Load, Place, Scale, SignInLoad};

pub const EXAMPLES: &str = "Examples:
  footnote bench ingest                        the demo's documents, in passages per second, and memory
  footnote bench ingest --provider-latency-ms 50
                                               the same besides, embedded over HTTP by a provider of that latency
  footnote bench search --clients 1,16         latencies over HTTP, in-process, and of the engine alone
  footnote bench search --qdrant-url http://localhost:6334
                                               the same on a Qdrant server, beside its adapter's call alone
  footnote bench sign-in                       sign-ins per second, and point reads meanwhile
  footnote bench nested-read --json            agents, runs and citations, beside the statement alone and PostGraphile
  footnote bench operations --workspaces 100,1000,10000
                                               a page, a point read and a mutation, beside their statements
  footnote bench plot report.json > plot.svg   draws what nested-read or operations printed with --json

ingest, search and sign-in open a database of their own, which is gone afterwards; the others keep seeded ones in --data. Figures of a build
without optimisation mean nothing.";

/// What to measure.
#[derive(Args, Debug)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How fast the demo's documents become searchable.
    Ingest {
        #[command(flatten)]
        how: How,
        /// Measure besides behind a provider of embeddings that takes so many milliseconds to answer each request.
        #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(0..=10_000))]
        provider_latency_ms: Option<u64>,
    },
    /// How long a search takes, beside the engine alone.
    Search {
        #[command(flatten)]
        how: How,
        /// Numbers of clients, with commas; each is measured for itself.
        #[arg(long, default_value = "1,16", value_delimiter = ',', value_name = "COUNTS", value_parser = clients())]
        clients: Vec<u16>,
        /// Searches in each way for each number of clients.
        #[arg(long, default_value_t = 2000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        requests: u32,
        /// Measure on a Qdrant server, at its gRPC address, and not on the engine in this process.
        #[arg(long, value_name = "URL")]
        qdrant_url: Option<String>,
    },
    /// How many people sign in per second, and what that does to a point read.
    SignIn {
        #[command(flatten)]
        how: How,
        /// People who sign in at a time.
        #[arg(long, default_value_t = 8, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=32))]
        people: u16,
        /// Clients that read meanwhile.
        #[arg(long, default_value_t = 4, value_name = "COUNT", value_parser = clients())]
        readers: u16,
        /// The length of each of the two parts.
        #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
        seconds: u32,
    },
    /// Fill a database with consistent data of many workspaces, for the next two; one that is filled is kept as it is.
    Seed {
        #[command(flatten)]
        place: seeded::Where,
        #[command(flatten)]
        size: seeded::Size,
    },
    /// How fast agents with their runs and citations are read, beside the best statement and beside PostGraphile.
    NestedRead {
        #[command(flatten)]
        place: seeded::Where,
        #[command(flatten)]
        size: seeded::Size,
        #[command(flatten)]
        turns: seeded::Turns,
        /// Numbers of clients, with commas; each is measured for itself.
        #[arg(long, default_value = "16,64", value_delimiter = ',', value_name = "COUNTS", value_parser = contestants())]
        clients: Vec<u16>,
    },
    /// How fast a page, a point read and a mutation are, beside their statements, over numbers of workspaces.
    Operations {
        #[command(flatten)]
        place: seeded::Where,
        #[command(flatten)]
        turns: seeded::Turns,
        /// Numbers of workspaces, with commas; each has a database of its own.
        #[arg(long, default_value = "100,1000", value_delimiter = ',', value_name = "COUNTS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        workspaces: Vec<u32>,
        /// Rows of the tenant tables for each workspace.
        #[arg(long, default_value_t = 1000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(961..=100_000))]
        rows_each: u32,
        /// Numbers of clients, with commas; each is measured for itself.
        #[arg(long, default_value = "16", value_delimiter = ',', value_name = "COUNTS", value_parser = contestants())]
        clients: Vec<u16>,
    },
    /// Draw a report of nested-read or operations as SVG.
    Plot {
        /// What `--json` printed; - for standard input.
        report: PathBuf,
    },
    /// The server that is measured.
    #[command(hide = true)]
    Serve(Box<seeded::Serve>),
}

/// Where and how to measure ingestion, search and signing in.
#[derive(Args, Debug)]
struct How {
    /// An empty folder to measure in, which keeps what was made; a temporary one unless said.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn clients() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=1000)
}

/// PostgreSQL takes a connection from each client of `pgbench`.
fn contestants() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=128)
}

impl Bench {
    /// Measures.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        match self.what {
            What::Ingest { how: How { data, limits, json }, provider_latency_ms } => {
                let place = Place::open(data, limits.clone());
                let mut place = interrupt.or(place).await?;
                let report = interrupt.or(bench::measure_ingestion(&mut place)).await;
                let closed = place.close().await;
                let mut report = report?;
                if let Some(latency) = provider_latency_ms.map(Duration::from_millis) {
                    let behind = bench::measure_behind_provider(limits, latency);
                    report.behind_provider = Some(interrupt.or(behind).await?);
                }
                if json { output::json(&report) } else { output::text(&tables::ingestion(&report)) }?;
                closed
            }
            What::Search { how: How { data, limits, json }, clients, requests, qdrant_url } => {
                let load = Load {
                    clients: clients.into_iter().map(usize::from).collect(),
                    requests: usize::try_from(requests).unwrap_or(usize::MAX),
                };
                let vectors = VectorService { qdrant_url, qdrant_api_key: None };
                let services = Services { vectors, ..Services::default() };
                let mut place = interrupt.or(Place::open_with(data, limits, services)).await?;
                let report = interrupt.or(bench::measure_search(&mut place, &load)).await;
                let closed = place.close().await;
                let report = report?;
                if json { output::json(&report) } else { output::text(&tables::search(&report)) }?;
                closed
            }
            What::SignIn { how: How { data, limits, json }, people, readers, seconds } => {
                let load = SignInLoad { people, readers, seconds };
                let mut place = interrupt.or(Place::open(data, limits)).await?;
                let report = interrupt.or(bench::measure_sign_in(&mut place, &load)).await;
                let closed = place.close().await;
                let report = report?;
                if json { output::json(&report) } else { output::text(&tables::sign_in(&report)) }?;
                closed
            }
            What::Seed { place, size } => seeded::seed(&place, size, interrupt).await,
            What::NestedRead { place, size, turns, clients } => {
                seeded::nested_read((&place, size), (&turns, &clients), interrupt).await
            }
            What::Operations { place, turns, workspaces, rows_each, clients } => {
                let scale =
                    |workspaces| Scale { workspaces, rows: u64::from(workspaces) * u64::from(rows_each) };
                let scales: Vec<_> = workspaces.into_iter().map(scale).collect();
                seeded::operations((&place, &scales), (&turns, &clients), interrupt).await
            }
            What::Plot { report } => seeded::plot(&report),
            What::Serve(serve) => serve.run(interrupt).await,
        }
    }
}
