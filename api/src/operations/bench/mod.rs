//! Measurements of the real thing: a database that keeps what it commits, the API over HTTP, and what could stand in its place.
//!
//! Nothing is simulated, and every answer is looked at: a wrong one fails the measurement, because a refusal is quick.
//! What is compared runs in turns, so that a machine that slows down slows all of it. A figure is of this machine and of
//! this build; the report says which. Ingestion and search open a fresh database; the nested read and the single operations
//! one that was seeded with many tenants. Nothing here judges: a missed target is a figure, not a failure.

mod connection;
mod contest;
mod ingestion;
mod machine;
mod memory;
mod nested_read;
mod place;
mod plot;
mod processes;
mod provider;
mod search;
mod searchers;
mod seeded;
mod sign_in;
mod single;
mod statistics;
#[cfg(test)]
mod tests;

pub use contest::{Contender, Contested, Form, Plan, ServerReady};
pub use ingestion::{Ingested, IngestionReport, Stages, measure as measure_ingestion};
pub use machine::Machine;
pub use memory::Memory;
pub use nested_read::{NestedReadReport, measure as measure_nested_read};
pub use place::Place;
pub use plot::plot;
pub use provider::{BehindProvider, measure as measure_behind_provider};
pub use search::{Load, Measured, SearchReport, measure as measure_search};
pub use seeded::{Scale, SeedReport, Seeded, Tell};
pub use sign_in::{Rate, SignInLoad, SignInReport, measure as measure_sign_in};
pub use single::{OperationsReport, Single, SingleReport, measure as measure_operations};
pub use statistics::Latencies;

/// Chunks per second that ingestion should reach with the static model on two cores.
pub const INGESTION_TARGET: f64 = 1000.0;
/// How many times the engine's own median a search may take.
pub const SEARCH_TARGET: f64 = 1.5;

/// To a thousandth, as reports have it.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
