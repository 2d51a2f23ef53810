//! The rules of workspaces.

use entity::id::{Given, WorkspaceId};
use entity::workspace_of_viewer::WorkspaceOfViewer;
use entity::{user, workspace};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use serde_json::json;

use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, NewWorkspace, Operation, Slug, statement};

const LONGEST_NAME: usize = 200;

/// A workspace to make.
pub struct Founding {
    /// The client's id; none for one of ours.
    pub id: Option<Given<WorkspaceId>>,
    /// The name.
    pub name: String,
    /// The slug.
    pub slug: String,
}

/// Makes a workspace, of which the signed-in user owns no more than so many; the operation goes on in it.
///
/// # Errors
///
/// BAD_USER_INPUT, CONFLICT for a slug or an id that is taken and for one workspace too many.
pub async fn found(
    operation: &Operation,
    request_id: &str,
    most: u32,
    new: Founding,
) -> Result<workspace::Model> {
    let mut check = Check::new();
    let id = check.new_id("id", new.id.as_ref());
    let name = check.text("name", &new.name, 1..=LONGEST_NAME);
    if Slug::parse(&new.slug).is_none() {
        check.refuse("slug", "INVALID", "`slug` takes 1 to 63 of a-z, 0-9 and inner hyphens.");
    }
    let id = check.finish_with(id)?;
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    let row = operation.found_workspace(NewWorkspace { id, slug: new.slug, name, most }).await?;
    operation.publish(Event {
        r#type: EventType::WorkspaceCreated,
        subject: row.id.to_string(),
        data: json!({ "name": row.name, "slug": row.slug }),
        correlation_id: request_id.to_owned(),
    });
    operation.audit(Audit {
        action: AuditAction::WorkspaceCreate,
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: json!({ "name": row.name, "slug": row.slug }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// The signed-in user.
///
/// # Errors
///
/// UNAUTHENTICATED where the account is gone, FORBIDDEN for operators, who have none.
pub async fn viewer(operation: &Operation) -> Result<user::Model> {
    if operation.operator_id().is_some() {
        return Err(Error::NotAllowed(
            "Operators have no account; `operations { operator { id name email } }` says who you are.",
        ));
    }
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
