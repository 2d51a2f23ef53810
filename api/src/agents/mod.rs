//! Agents and their runs: a question, what was retrieved for it, and an answer whose every citation was checked.
//!
//! A run acts with the current permissions of whoever started it. Its status moves only along the database's state machine,
//! its events are a log that its subscribers replay, and a citation is VERIFIED only where its quote stands at exactly its
//! offsets of exactly its version. Without a model, the extractive answerer answers, and says what it is.

mod answering;
pub mod citations;
mod events;
mod execution;
pub mod extractive;
mod lists;
mod loaders;
mod mutation;
mod query;
mod recording;
mod retrieving;
pub mod sentences;
pub mod service;
mod status;
mod subscription;
mod types;

use std::sync::Arc;

pub(crate) use loaders::insert_loaders;
pub use mutation::AgentsMutation;
pub use query::AgentsQuery;
pub use subscription::AgentsSubscription;
pub use types::{Agent, AgentRun, Citation};

use crate::worker::JobHandler;

/// The kinds of job that it owns.
#[must_use]
pub fn job_handlers() -> Vec<Arc<dyn JobHandler>> {
    vec![Arc::new(execution::Execute)]
}
