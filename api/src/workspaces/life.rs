//! The rules of a workspace's life: its name and slug, its deletion with a grace period, and the way back.
//!
//! A workspace that waits for its deletion is read-only to its members, and its jobs wait with it; nothing of it is lost until the moment
//! that `purgeAt` names. From then on nobody finds it, and its purge removes it from every store (`purger`).

use entity::id::{Given, WorkspaceId};
use entity::workspace;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType,
};
use serde_json::json;

use super::service::{LONGEST_NAME, SLUG_RULE, current};
use crate::error::{Error, Result, broken_constraint};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission, Slug, Wake};

/// What is to change of a workspace.
pub struct ChangedWorkspace {
    /// The workspace; none for that of the context.
    pub id: Option<Given<WorkspaceId>>,
    /// The version that the change was made against.
    pub version: i32,
    /// A new name; none keeps it.
    pub name: Option<String>,
    /// A new slug; none keeps it.
    pub slug: Option<String>,
}

/// Changes the workspace of the context. Where nothing differs its version stays.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND for another workspace, CONFLICT with the current version, or for a slug that is taken.
pub async fn update(
    operation: &Operation,
    request_id: &str,
    change: ChangedWorkspace,
) -> Result<workspace::Model> {
    let _ = operation.require(Permission::WorkspaceWrite)?;
    let mut check = Check::new();
    let id = named(operation, &mut check, change.id.as_ref())?;
    let version = check.version(change.version);
    let name = check.optional_text("name", change.name.as_deref(), 1..=LONGEST_NAME);
    if change.slug.as_deref().is_some_and(|slug| Slug::parse(slug).is_none()) {
        check.refuse("slug", "INVALID", SLUG_RULE);
    }
    let id = check.finish_with(id)?;
    only_own(operation, id)?;
    let select = workspace::Entity::find().filter(workspace::Column::Id.eq(id)).lock(LockType::NoKeyUpdate);
    let before = select.one(operation).await?.ok_or(Error::NotFound("workspace"))?;
    if before.version != version {
        return Err(changed_meanwhile(before.version));
    }
    let name = name.unwrap_or_else(|| before.name.clone());
    let slug = change.slug.unwrap_or_else(|| before.slug.clone());
    if name == before.name && slug == before.slug {
        return Ok(before);
    }
    let changed = workspace::ActiveModel {
        name: Set(name),
        slug: Set(slug),
        version: Set(before.version + 1),
        updated_at: Set(crate::clock::now()),
        ..Default::default()
    };
    let rows = workspace::Entity::update_many()
        .set(changed)
        .filter(workspace::Column::Id.eq(id))
        .exec_with_returning(operation);
    let row = rows.await.map_err(taken)?.pop().ok_or(Error::NotFound("workspace"))?;
    let data = json!({ "name": row.name, "slug": row.slug });
    tell(operation, request_id, EventType::WorkspaceUpdated, id, data.clone());
    operation.audit(Audit {
        action: AuditAction::WorkspaceUpdate,
        targets: vec![id.to_string()],
        before: json!({ "name": before.name, "slug": before.slug }),
        after: data,
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Lets the workspace of the context wait for its deletion, for so many days; whoever asks types its slug.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT for another slug, CONFLICT where it waits already, or with the current version.
pub async fn delete(
    operation: &Operation,
    request_id: &str,
    days: u32,
    (slug, version): (&str, Option<i32>),
) -> Result<workspace::Model> {
    let _ = operation.require(Permission::WorkspaceOwn)?;
    let mut check = Check::new();
    let version = version.map(|version| check.version(version));
    if Slug::parse(slug).is_none() {
        check.refuse("slug", "INVALID", SLUG_RULE);
    }
    check.finish()?;
    let purge_at = operation.delete_workspace(slug, days).await?;
    let row = current(operation).await?;
    // The door has locked the row and counted on; what it did is undone with the operation.
    if version.is_some_and(|version| version != row.version - 1) {
        return Err(changed_meanwhile(row.version - 1));
    }
    let data = json!({ "purge_at": purge_at });
    tell(operation, request_id, EventType::WorkspaceDeletionRequested, row.id, data.clone());
    operation.audit(Audit {
        action: AuditAction::WorkspaceDelete,
        targets: vec![row.id.to_string()],
        before: json!({ "purge_at": null }),
        after: data,
        request_id: request_id.to_owned(),
    });
    operation.wake(Wake::Purges);
    Ok(row)
}

/// Calls the deletion of the workspace of the context off; its jobs go on.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND for another workspace, CONFLICT where it does not wait for its deletion.
pub async fn restore(
    operation: &Operation,
    request_id: &str,
    id: Option<&Given<WorkspaceId>>,
) -> Result<workspace::Model> {
    let _ = operation.require(Permission::WorkspaceOwn)?;
    let mut check = Check::new();
    let id = named(operation, &mut check, id)?;
    let id = check.finish_with(id)?;
    only_own(operation, id)?;
    let before = current(operation).await?;
    operation.restore_workspace().await?;
    tell(operation, request_id, EventType::WorkspaceRestored, id, json!({}));
    operation.audit(Audit {
        action: AuditAction::WorkspaceRestore,
        targets: vec![id.to_string()],
        before: json!({ "purge_at": before.purge_at }),
        after: json!({ "purge_at": null }),
        request_id: request_id.to_owned(),
    });
    operation.wake(Wake::Jobs);
    current(operation).await
}

/// The workspace that is meant: that of the context unless another one is named; none where its id was refused.
fn named(
    operation: &Operation,
    check: &mut Check,
    given: Option<&Given<WorkspaceId>>,
) -> Result<Option<WorkspaceId>> {
    let own = operation.workspace_id()?;
    Ok(given.map_or(Some(own), |given| check.id("id", given)))
}

/// Another workspace than that of the context is none.
fn only_own(operation: &Operation, id: WorkspaceId) -> Result<()> {
    if id == operation.workspace_id()? { Ok(()) } else { Err(Error::NotFound("workspace")) }
}

fn changed_meanwhile(version: i32) -> Error {
    Error::Conflict("Somebody changed this workspace in the meantime.", Some(version))
}

fn taken(error: DbErr) -> Error {
    match broken_constraint(&error) {
        Some("workspaces_slug_key") => {
            Error::Taken("input.slug", "A workspace of this slug exists; choose another one.")
        }
        _ => error.into(),
    }
}

fn tell(
    operation: &Operation,
    request_id: &str,
    r#type: EventType,
    id: WorkspaceId,
    data: serde_json::Value,
) {
    operation.publish(Event { r#type, subject: id.to_string(), data, correlation_id: request_id.to_owned() });
}
