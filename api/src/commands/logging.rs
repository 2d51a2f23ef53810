//! Logs, on standard error: for people as text, for machines as one JSON object a line.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::config::Faults;
use crate::operations::Failure;

const DEFAULT: &str = "info,sqlx=warn";
const QUIET: &str = "warn";
/// The engine tells of each shard that it opens, and warns that nobody has set flags which nobody has to set.
const ENGINE: &str = "qdrant_edge=warn,qdrant_edge::common=error";

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Args, Debug)]
pub struct Logging {
    /// How logs look.
    #[arg(
        long,
        env = "FOOTNOTE_LOG_FORMAT",
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    log_format: Format,
    /// What is logged, as target=level, with commas: info,sqlx=warn unless said.
    #[arg(long, env = "FOOTNOTE_LOG", global = true, value_name = "FILTER")]
    log: Option<String>,
}

impl Logging {
    /// Demands a filter that is one.
    pub fn check(&self, faults: &mut Faults) {
        if self.log.as_ref().is_some_and(|filter| EnvFilter::try_new(filter).is_err()) {
            faults.add("log", "is no log filter; write one such as `info,footnote=debug`");
        }
    }

    /// Logs from now on; `quiet` leaves room for what people read.
    pub fn start(&self, quiet: bool) -> Result<(), Failure> {
        let filter = self.log.as_deref().unwrap_or(if quiet { QUIET } else { DEFAULT });
        let engine = if filter.contains("qdrant_edge") { "" } else { ENGINE };
        let filter = EnvFilter::try_new(format!("{filter},{engine}")).map_err(|error| {
            Failure::Usage(format!(
                "The log filter means nothing ({error}); write one such as `info,footnote=debug`."
            ))
        })?;
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
        let started = match self.log_format {
            Format::Text => logs.with_ansi(io::stderr().is_terminal()).try_init(),
            Format::Json => logs.json().flatten_event(true).try_init(),
        };
        started.map_err(|error| Failure::Start(format!("logs could not be set up: {error}")))
    }
}
