//! The rules of roles: built-in ones are the same everywhere, and a workspace's own give only what their maker has.

use entity::id::{Given, RoleId};
use entity::role;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde_json::json;

use crate::error::{Error, ID_EXISTS, Result, broken_constraint};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission};

const LONGEST_NAME: usize = 60;
const LONGEST_DESCRIPTION: usize = 500;

/// A role to make.
pub struct NewRole {
    /// The client's id; none for one of ours.
    pub id: Option<Given<RoleId>>,
    /// The name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it may do.
    pub permissions: Vec<String>,
}

/// What is to change of a role.
pub struct ChangedRole {
    /// The role.
    pub id: Given<RoleId>,
    /// The version that the change was made against.
    pub version: i32,
    /// A new name; none keeps it.
    pub name: Option<String>,
    /// A new description; none keeps it.
    pub description: Option<String>,
    /// What it may do from now on; none keeps it.
    pub permissions: Option<Vec<String>>,
}

/// Makes a role, of which a workspace has no more than so many of its own.
///
/// # Errors
///
/// FORBIDDEN, also for a permission that the actor does not have, BAD_USER_INPUT, CONFLICT.
pub async fn create(operation: &Operation, request_id: &str, most: u32, new: NewRole) -> Result<role::Model> {
    let _ = operation.require(Permission::RoleWrite)?;
    let mut check = Check::new();
    let id = check.new_id("id", new.id.as_ref());
    let name = check.text("name", &new.name, 1..=LONGEST_NAME);
    let description = check.optional_text("description", new.description.as_deref(), 0..=LONGEST_DESCRIPTION);
    let permissions = known(&mut check, &new.permissions);
    let id = check.finish_with(id)?;
    may_give(operation, &permissions)?;
    let own = role::Entity::find().filter(role::Column::BuiltIn.is_null()).count(operation).await?;
    if own >= u64::from(most) {
        return Err(Error::Conflict("The workspace has as many roles of its own as it may.", None));
    }
    let row = role::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        name: Set(name),
        description: Set(description.unwrap_or_default()),
        permissions: Set(permissions),
        ..Default::default()
    };
    let row = role::Entity::insert(row).exec_with_returning(operation).await.map_err(taken)?;
    tell(operation, request_id, EventType::RoleCreated, &row);
    operation.audit(Audit {
        action: AuditAction::RoleCreate,
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: facts(&row),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Changes a role of the workspace's own, for whoever has it, at once. Where nothing differs its version stays.
///
/// # Errors
///
/// FORBIDDEN, also for a permission that the actor does not have, BAD_USER_INPUT, NOT_FOUND, CONFLICT.
pub async fn update(operation: &Operation, request_id: &str, change: ChangedRole) -> Result<role::Model> {
    let _ = operation.require(Permission::RoleWrite)?;
    let mut check = Check::new();
    let id = check.id("id", &change.id);
    let version = check.version(change.version);
    let name = check.optional_text("name", change.name.as_deref(), 1..=LONGEST_NAME);
    let description =
        check.optional_text("description", change.description.as_deref(), 0..=LONGEST_DESCRIPTION);
    let permissions = change.permissions.map(|permissions| known(&mut check, &permissions));
    let id = check.finish_with(id)?;
    let before = lock(operation, id).await?;
    own(&before)?;
    current(&before, version)?;
    may_give(operation, &before.permissions)?;
    if let Some(permissions) = &permissions {
        may_give(operation, permissions)?;
    }
    let after = role::Model {
        name: name.unwrap_or_else(|| before.name.clone()),
        description: description.unwrap_or_else(|| before.description.clone()),
        permissions: permissions.unwrap_or_else(|| before.permissions.clone()),
        ..before.clone()
    };
    if after == before {
        return Ok(before);
    }
    let changed = role::ActiveModel {
        name: Set(after.name),
        description: Set(after.description),
        permissions: Set(after.permissions),
        version: Set(before.version + 1),
        updated_at: Set(crate::clock::now()),
        ..Default::default()
    };
    let rows = role::Entity::update_many().set(changed).filter(role::Column::Id.eq(id));
    let row = rows.exec_with_returning(operation).await.map_err(taken)?.pop();
    let row = row.ok_or(Error::NotFound("role"))?;
    tell(operation, request_id, EventType::RoleUpdated, &row);
    operation.audit(Audit {
        action: AuditAction::RoleUpdate,
        targets: vec![id.to_string()],
        before: facts(&before),
        after: facts(&row),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Deletes a role of the workspace's own that no member and no pending invitation has.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version, or while it is in use.
pub async fn delete(
    operation: &Operation,
    request_id: &str,
    (id, version): (Given<RoleId>, Option<i32>),
) -> Result<RoleId> {
    let _ = operation.require(Permission::RoleWrite)?;
    let mut check = Check::new();
    let id = check.id("id", &id);
    let version = version.map(|version| check.version(version));
    let id = check.finish_with(id)?;
    let before = lock(operation, id).await?;
    own(&before)?;
    if let Some(version) = version {
        current(&before, version)?;
    }
    may_give(operation, &before.permissions)?;
    let deleted =
        role::Entity::delete_many().filter(role::Column::Id.eq(id)).exec(operation).await.map_err(in_use)?;
    if deleted.rows_affected != 1 {
        return Err(Error::NotFound("role"));
    }
    tell(operation, request_id, EventType::RoleDeleted, &before);
    operation.audit(Audit {
        action: AuditAction::RoleDelete,
        targets: vec![id.to_string()],
        before: facts(&before),
        after: json!(null),
        request_id: request_id.to_owned(),
    });
    Ok(id)
}

/// The permissions of a list, each once and in the order of the catalogue; what is none is refused.
fn known(check: &mut Check, names: &[String]) -> Vec<String> {
    for (place, name) in names.iter().enumerate().take(2 * Permission::ALL.len()) {
        if Permission::named(name).is_none() {
            check.refuse(
                &format!("permissions.{place}"),
                "UNKNOWN",
                "This is no permission; the query `permissions` lists them.",
            );
        }
    }
    if names.len() > Permission::ALL.len() {
        check.refuse("permissions", "LENGTH", "`permissions` takes each permission once.");
    }
    let all = Permission::ALL.into_iter().map(Permission::name);
    all.filter(|known| names.iter().any(|name| name == known)).map(str::to_owned).collect()
}

/// Nobody gives, or takes, what they do not have.
pub(super) fn may_give(operation: &Operation, permissions: &[String]) -> Result<()> {
    let lacking = permissions.iter().find(|wanted| !operation.permissions().contains(wanted));
    match lacking.and_then(|name| Permission::named(name)) {
        None => Ok(()),
        Some(permission) => Err(Error::Forbidden(permission.name())),
    }
}

async fn lock(operation: &Operation, id: RoleId) -> Result<role::Model> {
    let select = role::Entity::find().filter(role::Column::Id.eq(id)).lock_exclusive();
    select.one(operation).await?.ok_or(Error::NotFound("role"))
}

fn own(row: &role::Model) -> Result<()> {
    if row.built_in.is_none() {
        return Ok(());
    }
    Err(Error::Conflict("A built-in role is the same in every workspace; make one of your own.", None))
}

fn current(row: &role::Model, version: i32) -> Result<()> {
    if row.version == version {
        return Ok(());
    }
    Err(Error::Conflict("Somebody changed this role in the meantime.", Some(row.version)))
}

fn facts(row: &role::Model) -> serde_json::Value {
    json!({ "name": row.name, "description": row.description, "permissions": row.permissions })
}

fn taken(error: sea_orm::DbErr) -> Error {
    match broken_constraint(&error) {
        Some("roles_pkey") => ID_EXISTS,
        Some("roles_name") => Error::Conflict("A role of this name exists.", None),
        _ => error.into(),
    }
}

fn in_use(error: sea_orm::DbErr) -> Error {
    match broken_constraint(&error) {
        Some("memberships_keeps_role" | "invitations_keeps_role") => Error::Conflict(
            "Members or pending invitations have this role; give the members another one, and revoke the invitations.",
            None,
        ),
        _ => error.into(),
    }
}

fn tell(operation: &Operation, request_id: &str, r#type: EventType, row: &role::Model) {
    operation.publish(Event {
        r#type,
        subject: row.id.to_string(),
        data: json!({ "name": row.name }),
        correlation_id: request_id.to_owned(),
    });
}
