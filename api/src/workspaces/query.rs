//! Queries about workspaces.

use async_graphql::{Context, Object};

use super::service;
use super::types::{Viewer, Workspace};
use crate::error::Result;
use crate::graphql::operation;
use crate::members::User;

/// Queries about workspaces.
#[derive(Default)]
pub struct WorkspacesQuery;

#[Object]
impl WorkspacesQuery {
    /// Who asks. Works without the header X-Workspace. FORBIDDEN for operators, who have no account.
    async fn viewer(&self, context: &Context<'_>) -> Result<Viewer> {
        let operation = operation(context).await?;
        Ok(Viewer {
            user: User::from(service::viewer(&operation).await?),
            workspaces: service::workspaces_of_viewer(&operation).await?,
            role: operation.role().map(str::to_owned),
            permissions: operation.permissions().to_vec(),
        })
    }

    /// The workspace of the header X-Workspace.
    async fn workspace(&self, context: &Context<'_>) -> Result<Workspace> {
        let operation = operation(context).await?;
        Ok(Workspace::from(service::current(&operation).await?))
    }
}
