//! Workspaces, their members, and who the viewer is.
//!
//! What works outside a workspace is here: the viewer, the list of its workspaces, and a new one. Invitations and roles of one's own
//! are not built yet.

mod lists;
mod loaders;
mod mutation;
mod query;
pub mod service;
mod types;

pub(crate) use loaders::insert_loaders;
pub use mutation::WorkspacesMutation;
pub use query::WorkspacesQuery;
pub use types::{User, Workspace};
