//! Jobs as operators see them: work that was accepted and is not done.
//!
//! Enqueuing is part of the operation that causes the work, so neither is there without the other. A dead job stays until
//! somebody retries it; what its owner's table says (an ingestion, a run) follows it.

mod lists;
mod mutation;
mod query;
pub mod service;
mod types;

pub use mutation::JobsMutation;
pub use query::JobsQuery;
pub use types::Job;
