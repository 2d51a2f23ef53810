//! `footnote worker`: runs jobs until somebody ends it, and answers whether it lives where it is told to.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::interrupt::Interrupt;
use super::{output, ready, serve};
use crate::config::{DatabaseUrls, Faults, Limits, Services};
use crate::operations::stack::{Settings, Stack};
use crate::operations::{Duty, Failure};

pub const EXAMPLES: &str = "Examples:
  FOOTNOTE_WORKER_DATABASE_URL=… QDRANT_URL=http://qdrant:6334 OBJECTS_URL=s3://footnote footnote worker
  footnote worker --listen 0.0.0.0:8788        answers /healthz and /readyz there, and nothing else

It shares its work with `footnote serve`, so the database, Qdrant and the objects must be where both reach them.";

/// What a worker is started with.
#[derive(Args, Debug)]
pub struct Worker {
    /// Address to answer /healthz and /readyz on; none unless said.
    #[arg(long, env = "FOOTNOTE_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Folder for what is kept beside the stores that are shared; made where something is.
    #[arg(long, env = "FOOTNOTE_DATA", default_value = ".footnote", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    urls: DatabaseUrls,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    services: Services,
    /// Print one JSON object (of a server: when it is ready).
    #[arg(long)]
    json: bool,
}

/// Where a worker's probes are.
#[derive(Serialize)]
struct ReadyWorker {
    /// Answers 200 while it can work; null where it was not told to listen.
    readiness: Option<String>,
}

impl Worker {
    /// Says what is wrong with the settings.
    pub fn check(&self, faults: &mut Faults) {
        self.urls.check(Duty::Jobs.addresses(), faults);
        self.limits.check(faults);
        self.services.check(faults);
        for (setting, _, advice) in Duty::Jobs.unshared(&self.urls, &self.services) {
            faults.add(setting, advice);
        }
    }

    /// Runs jobs until the wish to end.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let listening = match self.listen {
            Some(address) => Some(ready::listen(address).await?),
            None => None,
        };
        let settings =
            Settings { data: self.data, urls: self.urls, limits: self.limits, services: self.services };
        let mut stack = interrupt.or(Stack::open_for(settings, Duty::Jobs)).await?;
        stack.start_worker();
        let readiness = listening.map(|(listener, address)| {
            stack.start_probes(listener);
            format!("{}/readyz", ready::base(address))
        });
        let told = if self.json {
            output::json(&ReadyWorker { readiness })
        } else {
            let place = readiness.map(|url| format!("\n  Readiness  {url}")).unwrap_or_default();
            output::text(&format!("The worker runs jobs.{place}"))
        };
        serve::until_ended(stack, told, interrupt).await
    }
}
