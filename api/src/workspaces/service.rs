//! The rules of workspaces.

use entity::workspace_of_viewer::WorkspaceOfViewer;
use entity::{user, workspace};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use crate::error::{Error, Result};
use crate::tenancy::{Operation, statement};

/// The signed-in user.
///
/// # Errors
///
/// UNAUTHENTICATED where the account is gone.
pub async fn viewer(operation: &Operation) -> Result<user::Model> {
    let id = operation.actor_id().ok_or(Error::Unauthenticated("Sign in first."))?;
    let row = user::Entity::find().filter(user::Column::Id.eq(id)).one(operation).await?;
    row.ok_or(Error::Unauthenticated("The account is gone."))
}

/// The workspaces of the signed-in user.
///
/// # Errors
///
/// UNAVAILABLE.
pub async fn workspaces_of_viewer(operation: &Operation) -> Result<Vec<WorkspaceOfViewer>> {
    // viewer { workspaces }
    let select = statement("select id, slug, name, role, created_at from app.workspaces_of_actor()", []);
    Ok(WorkspaceOfViewer::find_by_statement(select).all(operation).await?)
}

/// The workspace of the context.
///
/// # Errors
///
/// BAD_USER_INPUT outside one.
pub async fn current(operation: &Operation) -> Result<workspace::Model> {
    let id = operation.workspace_id()?;
    let row = workspace::Entity::find().filter(workspace::Column::Id.eq(id)).one(operation).await?;
    row.ok_or(Error::NotFound("workspace"))
}
