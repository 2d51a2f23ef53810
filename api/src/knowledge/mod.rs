//! Documents in, passages out: collections, documents and their immutable versions, ingestion, and hybrid search.
//!
//! A version's text never changes, so a quote's offsets hold for ever. The old version serves until the new one is complete;
//! then one statement switches. Search gives back only what the reader may see and what is current: a point whose passage is
//! not visible in Postgres is dropped and counted.

mod chunking;
pub mod collections;
mod documents;
mod expiry;
mod ingestion;
mod inputs;
mod lists;
mod loaders;
mod mutation;
pub mod offsets;
mod originals;
mod outcomes;
pub mod parsing;
mod passages;
mod purge;
mod query;
pub mod retrieval;
pub mod service;
mod types;
pub mod uploads;
mod vectors;

use std::sync::Arc;

pub(crate) use loaders::{insert_loaders, text_of};
pub use mutation::KnowledgeMutation;
pub use query::KnowledgeQuery;
pub use types::{Chunk, Collection, Document, DocumentVersion, Ingestion};
pub(crate) use types::{
    OffsetUnit, heading_path, kept_version, live_chunk, live_collection, live_document, offset_in_version,
};

use crate::worker::JobHandler;

/// The kinds of job that it owns.
#[must_use]
pub fn job_handlers() -> Vec<Arc<dyn JobHandler>> {
    vec![
        Arc::new(ingestion::Ingest),
        Arc::new(purge::Purge),
        Arc::new(expiry::Expire),
        Arc::new(expiry::Sweep),
    ]
}
