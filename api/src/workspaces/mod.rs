//! Workspaces, their members, and who the viewer is.
//!
//! What works outside a workspace is here: the viewer and the list of its workspaces. Sign-up, invitations and roles of
//! one's own are not built yet.

mod lists;
mod loaders;
mod query;
pub mod service;
mod types;

pub(crate) use loaders::insert_loaders;
pub use query::WorkspacesQuery;
pub use types::{User, Workspace};
