//! The audit log as its readers see it: who did what, in the order in which it was committed, and whether all of it is still there.
//!
//! Entries are written by the operations themselves (`tenancy`), in their own transactions. Here they are only read: the log guarantees
//! its readers that verification recomputes every hash in the database, finds the first entry that was altered, removed or inserted, and
//! compares the end with a head that is kept apart. It refuses whoever lacks audit:read.

mod lists;
mod query;
pub mod service;
mod types;

pub use query::AuditQuery;
pub use types::AuditEntry;
