//! One contender, for one stretch of time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::processes::Family;
use super::http::{self, Target, Window};
use super::pgbench::{self, Pgbench, Script};
use crate::operations::Failure;

/// What is not counted at the beginning of a slice.
const WARM: Duration = Duration::from_secs(1);

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Contender {
    /// This server.
    Footnote,
    /// The statements alone.
    Statement,
    /// PostGraphile.
    Postgraphile,
}

impl Contender {
    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Footnote => "this server",
            Self::Statement => "statement",
            Self::Postgraphile => "PostGraphile",
        }
    }
}

/// How a contender is asked.
#[derive(Clone)]
pub(in super::super) enum Way {
    /// Over HTTP, a server that is this family of processes.
    Http(Arc<Target>, Family),
    /// By `pgbench`.
    Pgbench(Arc<Pgbench>, Arc<Script>),
}

/// What one slice gave.
#[derive(Clone, Debug)]
pub(in super::super) struct Slice {
    /// How long each answer took.
    pub(in super::super) latencies: Vec<Duration>,
    /// The time in which they came.
    pub(in super::super) elapsed: Duration,
    /// Processor time of the server's processes.
    pub(in super::super) server: Option<Duration>,
    /// Processor time of PostgreSQL's.
    pub(in super::super) postgres: Option<Duration>,
    /// Processor time of whoever asks: this process, and `pgbench`.
    pub(in super::super) client: Option<Duration>,
    /// The most memory of the server's processes, in MiB.
    pub(in super::super) server_mib: Option<u64>,
    /// PostgreSQL's memory while the clients were there, in MiB.
    pub(in super::super) postgres_mib: Option<u64>,
}

impl Way {
    /// Works for so many seconds after the warming.
    pub(in super::super) async fn run(
        &self,
        clients: usize,
        seconds: u64,
        postgres: Option<Family>,
    ) -> Result<Slice, Failure> {
        let family = match self {
            Self::Http(_, family) => Some(*family),
            Self::Pgbench(..) => None,
        };
        let from = Instant::now() + WARM;
        let until = from + Duration::from_secs(seconds);
        let watching = async {
            tokio::time::sleep_until(from.into()).await;
            let before = Used::now(family, postgres);
            let marks = (Instant::now(), pgbench::now());
            tokio::time::sleep_until((from + Duration::from_secs(seconds) / 2).into()).await;
            (before, marks, postgres.and_then(Family::mib))
        };
        let working = async {
            match self {
                Self::Http(target, _) => {
                    let latencies = http::drive(target, clients, Window { from, until }).await?;
                    Ok(latencies.into_iter().map(|latency| (u128::MAX, latency)).collect())
                }
                Self::Pgbench(pgbench, script) => {
                    pgbench.run(script, clients, seconds + WARM.as_secs()).await
                }
            }
        };
        let ((before, (began, mark), postgres_mib), worked): (_, Result<Vec<_>, Failure>) =
            tokio::join!(watching, working);
        let elapsed = began.elapsed();
        let used = Used::now(family, postgres).since(before);
        let latencies: Vec<Duration> =
            worked?.into_iter().filter(|(ended, _)| *ended >= mark).map(|(_, latency)| latency).collect();
        if latencies.is_empty() {
            return Err(Failure::DoesNotHold("no request was answered in time".to_owned()));
        }
        Ok(Slice {
            latencies,
            elapsed,
            server: used.server,
            postgres: used.postgres,
            client: used.client,
            server_mib: family.and_then(Family::peak_mib),
            postgres_mib,
        })
    }
}

/// Processor time that was used until a moment.
#[derive(Clone, Copy)]
struct Used {
    server: Option<Duration>,
    postgres: Option<Duration>,
    client: Option<Duration>,
}

impl Used {
    /// Until now; the client is what this process and all that it started have used, without the other two.
    fn now(server: Option<Family>, postgres: Option<Family>) -> Self {
        let all = Family::of(std::process::id()).processor_time();
        let server = server.and_then(Family::processor_time);
        let postgres = postgres.and_then(Family::processor_time);
        let client = || Some(all?.saturating_sub(postgres?).saturating_sub(server.unwrap_or_default()));
        Self { server, postgres, client: client() }
    }

    /// Since an earlier moment.
    fn since(self, before: Self) -> Self {
        let used = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        Self {
            server: used(self.server, before.server),
            postgres: used(self.postgres, before.postgres),
            client: used(self.client, before.client),
        }
    }
}
