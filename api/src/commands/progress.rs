//! How far something is: a bar where somebody watches a terminal, lines in the log elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::operations::seed::Progress;

const TEMPLATE: &str = "  {msg} {bar:36.cyan/dim} {pos}/{len} documents  {elapsed}";
const LOG_EVERY: Duration = Duration::from_secs(5);

/// Whether somebody watches the terminal that progress is written to.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// The progress of the ingestion.
pub enum IngestionProgress {
    /// A bar on the terminal.
    Bar(ProgressBar),
    /// Lines in the log.
    Log {
        /// How many documents there are.
        total: usize,
        /// When the last line was written.
        said: Instant,
    },
}

impl IngestionProgress {
    /// A bar for people at a terminal, lines otherwise.
    pub fn new(for_people: bool) -> Self {
        if for_people && is_watched() {
            Self::Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()))
        } else {
            Self::Log { total: 0, said: Instant::now() }
        }
    }
}

impl Progress for IngestionProgress {
    fn begin(&mut self, documents: usize) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(documents as u64);
                if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                    bar.set_style(style.progress_chars("━━─"));
                }
                bar.set_message("Ingesting");
                bar.enable_steady_tick(Duration::from_millis(100));
            }
            Self::Log { total, .. } => {
                *total = documents;
                tracing::info!(documents, "ingesting the documents");
            }
        }
    }

    fn advance(&mut self, done: usize) {
        match self {
            Self::Bar(bar) => bar.set_position(done as u64),
            Self::Log { total, said } if said.elapsed() >= LOG_EVERY => {
                *said = Instant::now();
                tracing::info!(done, documents = *total, "ingesting the documents");
            }
            Self::Log { .. } => {}
        }
    }

    fn end(&mut self, failed: usize) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Log { total, .. } => tracing::info!(documents = *total, failed, "ingested the documents"),
        }
    }
}

/// Something that takes a while and has no steps to count.
pub struct Waiting(Option<ProgressBar>);

impl Waiting {
    /// Shows what is waited for, with the time, on a terminal; a line in the log elsewhere.
    pub fn begin(what: &'static str) -> Self {
        if !is_watched() {
            tracing::info!(what, "measuring");
            return Self(None);
        }
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}  {elapsed}") {
            spinner.set_style(style);
        }
        spinner.set_message(what);
        spinner.enable_steady_tick(Duration::from_millis(100));
        Self(Some(spinner))
    }

    /// Takes it away.
    pub fn end(self) {
        if let Some(spinner) = self.0 {
            spinner.finish_and_clear();
        }
    }
}
