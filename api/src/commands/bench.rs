//! `footnote bench`: measures ingestion and search on this machine.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::interrupt::Interrupt;
use super::output;
use crate::config::Limits;
use crate::operations::Failure;
use crate::operations::bench::{
    self, Ingested, IngestionReport, Load, Machine, Measured, Memory, Place, SearchReport,
};

pub const EXAMPLES: &str = "Examples:
  footnote bench ingest                        the demo's documents, in passages per second, and memory
  footnote bench search --clients 1,16         latencies over HTTP, in-process, and of the engine alone
  footnote bench search --json                 one JSON object

Each opens a database of its own, which is gone afterwards. Figures of a build without optimisation mean nothing.";

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
    },
}

/// Where and how to measure.
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

impl Bench {
    /// Measures.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        match self.what {
            What::Ingest { how: How { data, limits, json } } => {
                let mut place = interrupt.or(Place::open(data, limits)).await?;
                let report = interrupt.or(bench::measure_ingestion(&mut place)).await;
                let closed = place.close().await;
                let report = report?;
                if json { output::json(&report) } else { output::text(&ingestion(&report)) }?;
                closed
            }
            What::Search { how: How { data, limits, json }, clients, requests } => {
                let load = Load {
                    clients: clients.into_iter().map(usize::from).collect(),
                    requests: usize::try_from(requests).unwrap_or(usize::MAX),
                };
                let mut place = interrupt.or(Place::open(data, limits)).await?;
                let report = interrupt.or(bench::measure_search(&mut place, &load)).await;
                let closed = place.close().await;
                let report = report?;
                if json { output::json(&report) } else { output::text(&search(&report)) }?;
                closed
            }
        }
    }
}

fn ingestion(report: &IngestionReport) -> String {
    let mut text = format!("{}\n", machine(&report.machine));
    let _ = writeln!(
        text,
        "{} documents, {} chunks, {} jobs at a time; the API made the documents in {:.2} s.\n",
        report.queued.documents, report.queued.chunks, report.worker_concurrency, report.creation_seconds
    );
    let _ = writeln!(text, "{:<34}{:>10}{:>12}", "", "seconds", "chunks/s");
    for (name, ingested) in [
        ("worker alone, everything queued", &report.queued),
        ("end to end, from the first request", &report.end_to_end),
    ] {
        let _ = writeln!(text, "{name:<34}{:>10.2}{:>12}", ingested.seconds, ingested.chunks_per_second);
    }
    let _ = writeln!(text, "{:<34}{:>10}{:>12}\n", "target", "", report.target_chunks_per_second);
    text + &stages(&report.end_to_end) + &memory(report.memory)
}

fn search(report: &SearchReport) -> String {
    let mut text = format!("{}\n", machine(&report.machine));
    let _ = writeln!(text, "{} chunks, {} hits a search.\n", report.corpus.chunks, report.first);
    let _ = writeln!(
        text,
        "{:>7}  {:<8}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "clients", "way", "p50 ms", "p99 ms", "max ms", "per s", "p50 ratio", "p99 ratio"
    );
    for Measured { clients, way, latencies, requests_per_second, p50_ratio, p99_ratio, .. } in &report.results
    {
        let _ = writeln!(
            text,
            "{clients:>7}  {:<8}{:>10.2}{:>10.2}{:>10.2}{requests_per_second:>10}{p50_ratio:>10.2}{p99_ratio:>10.2}",
            way.name(),
            latencies.p50_ms,
            latencies.p99_ms,
            latencies.max_ms,
        );
    }
    let _ =
        writeln!(text, "\nTarget: p50 over that of the engine alone at most {}.", report.target_p50_ratio);
    text + &memory(report.memory)
}

fn machine(machine: &Machine) -> String {
    let memory = machine.memory_mib.map(|mib| format!(", {mib} MiB of memory")).unwrap_or_default();
    let warning =
        if machine.optimized { "" } else { ". This build is not optimised: its figures mean nothing" };
    format!("{} cores{memory}{warning}.", machine.cores)
}

fn stages(ingested: &Ingested) -> String {
    let stages = ingested.stages_ms.iter().map(|(stage, ms)| format!("{} {ms} ms", stage.to_lowercase()));
    format!("Stages, added up over the documents: {}.\n", stages.collect::<Vec<_>>().join(", "))
}

fn memory(Memory { peak_mib, postgres_mib }: Memory) -> String {
    let known = |mib: Option<u64>| mib.map_or("unknown".to_owned(), |mib| format!("{mib} MiB"));
    format!("Memory: peak of this process {}, PostgreSQL {}.\n", known(peak_mib), known(postgres_mib))
}
