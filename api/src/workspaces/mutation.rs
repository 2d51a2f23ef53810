//! Mutations of workspaces.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::id::{Given, WorkspaceId};

use super::service::{self, Founding};
use super::types::Workspace;
use crate::error::Result;
use crate::graphql::request;

/// The workspace to make.
#[derive(InputObject)]
pub struct WorkspaceCreateInput {
    /// An id of the client's making, of the form workspace_…; the server makes one unless it is sent.
    pub id: Option<Given<WorkspaceId>>,
    /// The name to show: 1 to 200 characters.
    pub name: String,
    /// The name in addresses and in the header X-Workspace, unique over all workspaces: 1 to 63 of a-z, 0-9 and inner hyphens.
    pub slug: String,
}

/// The workspace that was made; its maker is its OWNER.
#[derive(SimpleObject)]
pub struct WorkspaceCreatePayload {
    /// The workspace.
    pub workspace: Workspace,
}

/// Mutations of workspaces.
#[derive(Default)]
pub struct WorkspacesMutation;

#[Object]
impl WorkspacesMutation {
    /// Makes a workspace whose OWNER is the signed-in user; a CONFLICT at `input.slug` where the slug is taken. The header X-Workspace
    /// plays no part. Its idempotency keys belong to the user. It stands alone in its operation.
    async fn workspace_create(
        &self,
        context: &Context<'_>,
        input: WorkspaceCreateInput,
    ) -> Result<WorkspaceCreatePayload> {
        let request = request(context)?;
        let most = request.app().accounts().settings().workspaces_per_person;
        let new = Founding { id: input.id, name: input.name, slug: input.slug };
        let operation = request.operation().await?;
        let row = service::found(&operation, request.id(), most, new).await?;
        Ok(WorkspaceCreatePayload { workspace: Workspace::from(row) })
    }
}
