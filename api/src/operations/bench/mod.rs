//! Measurements of the real thing: a fresh database that keeps what it commits, the demo's corpus, the API and the worker.
//!
//! Nothing is simulated, and every answer is looked at: a wrong one fails the measurement, because a refusal is quick.
//! What is compared runs in turns in one process, so that a machine that slows down slows both. A figure is of this
//! machine and of this build; the report says which. It refuses a data folder that holds anything, and nothing here
//! judges: a missed target is a figure, not a failure.

mod connection;
mod ingestion;
mod machine;
mod memory;
mod place;
mod search;
mod searchers;
mod statistics;

pub use ingestion::{Ingested, IngestionReport, Stages, measure as measure_ingestion};
pub use machine::Machine;
pub use memory::Memory;
pub use place::Place;
pub use search::{Load, Measured, SearchReport, measure as measure_search};
pub use statistics::Latencies;

/// Chunks per second that ingestion should reach with the static model on two cores.
pub const INGESTION_TARGET: f64 = 1000.0;
/// How many times the engine's own median a search may take.
pub const SEARCH_TARGET: f64 = 1.5;

/// To a thousandth, as reports have it.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
