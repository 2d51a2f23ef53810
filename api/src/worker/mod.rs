//! The engine that runs jobs: claims them in turn by workspace, keeps their leases alive, and ends each one in a status.
//!
//! A job's effect and its end are one transaction, under the token of its lease: a worker that lost the lease can change
//! nothing. A failure is tried again with exponential backoff and full jitter; after the last attempt the job is DEAD, its
//! owner's table says so, and an event tells. An attempt that found a part away, such as the vector index, is not counted:
//! the job waits, for days if need be. It knows no kind of job: capabilities bring theirs.

mod awaited;
mod backoff;
mod context;
mod engine;

pub use awaited::Awaited;
pub use backoff::backoff_ms;
pub use context::{JobContext, JobFailure, JobHandler, Next};
pub use engine::Worker;
