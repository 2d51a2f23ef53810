//! Workspaces, and who the viewer is.
//!
//! What works outside a workspace is here: the viewer, the list of its workspaces, and a new one. So is how one ends: `life`, and `purger`,
//! which removes it from every store.

pub mod life;
mod mutation;
mod purger;
mod query;
pub mod service;
mod types;

pub use mutation::WorkspacesMutation;
pub use purger::Purger;
pub use query::WorkspacesQuery;
pub use types::Workspace;
