//! What is measured on seeded databases: their seeding, the nested read, single operations.

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::Args;
use tokio::io::AsyncReadExt;

use super::super::interrupt::Interrupt;
use super::super::{output, ready};
use super::tables;
use crate::config::{DatabaseUrls, Limits, Services};
use crate::operations::Failure;
use crate::operations::bench::{self, Plan, Scale, Seeded, ServerReady};
use crate::operations::stack::{Settings, Stack};
use crate::server::ServeOptions;

/// Where seeded databases are kept.
#[derive(Args, Debug)]
pub(super) struct Where {
    /// Folder for seeded databases and for what npm installs; both are kept for the next time.
    #[arg(long, env = "FOOTNOTE_BENCH_DATA", default_value = ".footnote/bench", value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// How much a seeded database holds.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Size {
    /// Workspaces.
    #[arg(long, default_value_t = 1000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    workspaces: u32,
    /// Rows of all tenant tables together.
    #[arg(long, default_value_t = 1_000_000, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rows: u64,
}

/// How long is measured.
#[derive(Args, Clone, Debug)]
pub(super) struct Turns {
    /// How often the contenders take turns.
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// How long a turn is, in seconds, after one that is not counted.
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections that each server may have to the database.
    #[arg(long, default_value_t = 16, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
}

impl Size {
    fn scale(self) -> Scale {
        Scale { workspaces: self.workspaces, rows: self.rows }
    }
}

impl Turns {
    fn plan(&self, clients: &[u16]) -> Plan {
        Plan {
            clients: clients.iter().copied().map(usize::from).collect(),
            rounds: self.rounds.into(),
            seconds: self.seconds,
            connections: self.connections,
        }
    }
}

/// How far it is, for people.
fn tell(line: &str) {
    output::note(&format!("  {line}"));
}

/// Fills a database.
pub(super) async fn seed(place: &Where, size: Size, mut interrupt: Interrupt) -> Result<(), Failure> {
    let seeded = interrupt.or(Seeded::open(&place.data, size.scale(), &tell)).await?;
    let report = seeded.report().clone();
    seeded.close().await;
    if place.json { output::json(&report) } else { output::text(&tables::seeded(&report)) }
}

/// Measures the nested read.
pub(super) async fn nested_read(
    (place, size): (&Where, Size),
    (turns, clients): (&Turns, &[u16]),
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    let plan = turns.plan(clients);
    let measuring = bench::measure_nested_read(&place.data, size.scale(), &plan, &tell);
    let report = interrupt.or(measuring).await?;
    if place.json { output::json(&report) } else { output::text(&tables::nested_read(&report)) }
}

/// Measures single operations.
pub(super) async fn operations(
    (place, scales): (&Where, &[Scale]),
    (turns, clients): (&Turns, &[u16]),
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    let plan = turns.plan(clients);
    let report = interrupt.or(bench::measure_operations(&place.data, scales, &plan, &tell)).await?;
    if place.json { output::json(&report) } else { output::text(&tables::operations(&report)) }
}

/// Draws a report.
pub(super) fn plot(file: &Path) -> Result<(), Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    read.map_err(Failure::file("read", file))?;
    let report = serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("{} is no JSON: {error}", file.display())))?;
    output::text(&bench::plot(&report)?)
}

/// The server that is measured: without a worker, until its standard input ends.
#[derive(Args, Debug)]
pub(super) struct Serve {
    #[arg(long)]
    data: PathBuf,
    #[command(flatten)]
    urls: DatabaseUrls,
    #[command(flatten)]
    limits: Limits,
}

impl Serve {
    pub(super) async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let (listener, address) = ready::listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let settings =
            Settings { data: self.data, urls: self.urls, limits: self.limits, services: Services::default() };
        let mut stack = interrupt.or(Stack::open(settings)).await?;
        stack.start_server(listener, ServeOptions { graphiql: false, ..ServeOptions::default() });
        let told = output::json(&ServerReady { address });
        if told.is_ok() {
            let mut nothing = [0_u8; 64];
            let mut stdin = tokio::io::stdin();
            tokio::select! {
                () = interrupt.wait() => {}
                () = stack.ended() => {}
                () = async { while stdin.read(&mut nothing).await.is_ok_and(|read| read > 0) {} } => {}
            }
        }
        let closed = stack.close().await;
        told.and(closed)
    }
}
