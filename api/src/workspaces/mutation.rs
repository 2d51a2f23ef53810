//! Mutations of workspaces.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::id::{Given, WorkspaceId};

use super::life::{self, ChangedWorkspace};
use super::service::{self, Founding};
use super::types::Workspace;
use crate::error::Result;
use crate::graphql::{operation, request};

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

/// What is to change of the workspace; what is absent stays.
#[derive(InputObject)]
pub struct WorkspaceUpdateInput {
    /// The workspace: that of the header X-Workspace, unless it is sent; another one is NOT_FOUND.
    pub id: Option<Given<WorkspaceId>>,
    /// The version that the change was made against.
    pub version: i32,
    /// A new name: 1 to 200 characters.
    pub name: Option<String>,
    /// A new slug, unique over all workspaces: 1 to 63 of a-z, 0-9 and inner hyphens. From then on the header X-Workspace takes it, and the
    /// earlier one is free for others.
    pub slug: Option<String>,
}

/// The workspace as it is now.
#[derive(SimpleObject)]
pub struct WorkspaceUpdatePayload {
    /// The workspace.
    pub workspace: Workspace,
}

/// What is to be deleted.
#[derive(InputObject)]
pub struct WorkspaceDeleteInput {
    /// The slug of the workspace of the header X-Workspace, typed once more as a confirmation.
    pub slug: String,
    /// The version that is meant; where it is sent and is not the current one, a CONFLICT.
    pub version: Option<i32>,
}

/// The workspace, which waits for its deletion.
#[derive(SimpleObject)]
pub struct WorkspaceDeletePayload {
    /// The workspace; its `purgeAt` says until when it can be restored.
    pub workspace: Workspace,
}

/// What is to be restored.
#[derive(InputObject)]
pub struct WorkspaceRestoreInput {
    /// The workspace: that of the header X-Workspace, unless it is sent; another one is NOT_FOUND.
    pub id: Option<Given<WorkspaceId>>,
}

/// The workspace, which lives.
#[derive(SimpleObject)]
pub struct WorkspaceRestorePayload {
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

    /// Changes the name and the slug of the workspace; needs workspace:write. A CONFLICT at `input.slug` where the slug is taken.
    async fn workspace_update(
        &self,
        context: &Context<'_>,
        input: WorkspaceUpdateInput,
    ) -> Result<WorkspaceUpdatePayload> {
        let operation = operation(context).await?;
        let WorkspaceUpdateInput { id, version, name, slug } = input;
        let change = ChangedWorkspace { id, version, name, slug };
        let row = life::update(&operation, request(context)?.id(), change).await?;
        Ok(WorkspaceUpdatePayload { workspace: Workspace::from(row) })
    }

    /// Deletes the workspace, after a grace period in which it can be restored; needs workspace:own. At once it is read-only: whatever
    /// changes something is FORBIDDEN, and its jobs wait. At `purgeAt` it is gone for everybody, and is then removed for good from the
    /// database, the vector store and the object store. People keep their accounts.
    async fn workspace_delete(
        &self,
        context: &Context<'_>,
        input: WorkspaceDeleteInput,
    ) -> Result<WorkspaceDeletePayload> {
        let request = request(context)?;
        let days = request.app().workspaces().workspace_grace_days;
        let operation = request.operation().await?;
        let row = life::delete(&operation, request.id(), days, (&input.slug, input.version)).await?;
        Ok(WorkspaceDeletePayload { workspace: Workspace::from(row) })
    }

    /// Calls the deletion of the workspace off, before its `purgeAt`; needs workspace:own. Everything goes on where it was, but for what ran
    /// out meanwhile: runs past their deadline, and addresses of uploads. A CONFLICT where it does not wait for its deletion.
    async fn workspace_restore(
        &self,
        context: &Context<'_>,
        input: WorkspaceRestoreInput,
    ) -> Result<WorkspaceRestorePayload> {
        let operation = operation(context).await?;
        let row = life::restore(&operation, request(context)?.id(), input.id.as_ref()).await?;
        Ok(WorkspaceRestorePayload { workspace: Workspace::from(row) })
    }
}
