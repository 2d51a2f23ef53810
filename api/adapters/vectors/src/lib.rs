//! The only door to Qdrant: hybrid search in which every call carries its tenant.
//!
//! Guarantees: whoever wants to search needs a [`TenantVectors`], which only [`Vectors::for_workspace`] makes, and
//! each of its calls filters by that workspace in the engine itself. A point of another workspace is never
//! returned, counted or deleted, even if it stood in the same shard. Term statistics are the workspace's own.
//! What [`TenantVectors::upsert`] has acknowledged survives a killed process.
//!
//! Refuses: points of another workspace, vectors of another dimension, numbers that are not finite, lists and texts
//! beyond [`limits`]. No input makes it panic. No error shows the engine's text, and no log shows a document's.

mod door;
mod engine;
mod error;
mod in_process;
mod keywords;
mod layout;
pub mod limits;
mod server;
mod types;

pub use door::{EngineOptions, TenantVectors, Vectors};
pub use engine::EngineStatus;
pub use error::Error;
pub use server::ServerOptions;
pub use types::{DEFAULT_RRF_K, Hit, Kind, Mode, Point, Query, Weights};
