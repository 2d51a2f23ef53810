//! Workspaces, and who the viewer is.
//!
//! What works outside a workspace is here: the viewer, the list of its workspaces, and a new one.

mod mutation;
mod query;
pub mod service;
mod types;

pub use mutation::WorkspacesMutation;
pub use query::WorkspacesQuery;
pub use types::Workspace;
