//! Operators: who runs the installation, what they see of it, and how they enter a workspace.
//!
//! It guarantees that an operator outside a workspace sees numbers and names of ours alone: no name, no id and no text of a tenant but what
//! they named themselves; that an entry has a reason and an end, stands in the workspace's audit log and among its events, and is mailed to
//! its owners, all in the transaction that begins it; and that it opens nothing once it was ended, has expired, or its operator was
//! revoked. Inside, an operator reads, and may queue a dead job again; `permissions` in the database says which permissions those are. It refuses
//! idempotency keys of operators, whose records belong to members.

mod key;
mod lists;
mod mutation;
mod query;
pub mod service;
mod types;

pub use key::{NewOperatorKey, OperatorKey};
pub use mutation::OperatorsMutation;
pub use query::OperatorsQuery;
pub use types::OperatorEntry;
