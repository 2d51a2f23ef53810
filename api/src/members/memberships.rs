//! The rules of memberships: nobody changes the membership of somebody who may do more, a workspace keeps an active OWNER, and
//! everybody may leave. The database holds the same rules for whatever comes around these.

use entity::id::{Given, MembershipId, RoleId, UserId, WorkspaceId};
use entity::membership::{self, MembershipStatus};
use entity::role;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};

use super::roles::may_give;
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission, statement};

/// A membership as a client names it.
pub struct Named {
    /// The membership.
    pub id: Given<MembershipId>,
    /// The version that the change was made against.
    pub version: i32,
}

/// Gives a member another role. Where it is the same its version stays.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version, or where no OWNER would be left.
pub async fn change_role(
    operation: &Operation,
    request_id: &str,
    named: Named,
    role: Given<RoleId>,
) -> Result<membership::Model> {
    let _ = operation.require(Permission::MemberWrite)?;
    let mut check = Check::new();
    let (id, version) = (check.id("id", &named.id), check.version(named.version));
    let role = check.id("roleId", &role);
    check.finish()?;
    let before = found(operation, id, version).await?;
    let role = role_named(operation, role).await?;
    if before.status == MembershipStatus::Removed {
        return Err(ENDED);
    }
    if before.role_id == Some(role) {
        return Ok(before);
    }
    may_give_role(operation, before.role_id).await?;
    may_give_role(operation, Some(role)).await?;
    keep_owner(operation, &before).await?;
    let change = Change { role: Some(role), status: before.status };
    write(operation, request_id, &before, change, AuditAction::MembershipRoleUpdate).await
}

/// Suspends a member: the membership opens nothing until it is reactivated. Where it is suspended its version stays.
///
/// # Errors
///
/// As [`change_role`].
pub async fn suspend(operation: &Operation, request_id: &str, named: Named) -> Result<membership::Model> {
    move_to(operation, request_id, named, (MembershipStatus::Suspended, AuditAction::MembershipSuspend)).await
}

/// Lets a suspended member in again. Where it is active its version stays.
///
/// # Errors
///
/// As [`change_role`].
pub async fn reactivate(operation: &Operation, request_id: &str, named: Named) -> Result<membership::Model> {
    move_to(operation, request_id, named, (MembershipStatus::Active, AuditAction::MembershipReactivate)).await
}

/// Ends a membership: only an invitation brings its person back. Where it has ended its version stays.
///
/// # Errors
///
/// As [`change_role`].
pub async fn remove(operation: &Operation, request_id: &str, named: Named) -> Result<membership::Model> {
    move_to(operation, request_id, named, (MembershipStatus::Removed, AuditAction::MembershipRemove)).await
}

/// Ends the membership of whoever asks, whatever they may do.
///
/// # Errors
///
/// BAD_USER_INPUT, NOT_FOUND for another workspace, CONFLICT for the last OWNER, FORBIDDEN by an API key.
pub async fn leave(
    operation: &Operation,
    request_id: &str,
    workspace: &Given<WorkspaceId>,
) -> Result<WorkspaceId> {
    let mut check = Check::new();
    let named = check.id("workspaceId", workspace);
    let named = check.finish_with(named)?;
    let workspace = operation.workspace_id()?;
    if named != workspace {
        return Err(Error::NotFound("workspace"));
    }
    let actor = operation.actor_id().ok_or(Error::NotFound("membership"))?;
    let select = membership::Entity::find().filter(membership::Column::UserId.eq(actor)).lock_exclusive();
    let before = select.one(operation).await?.ok_or(Error::NotFound("membership"))?;
    keep_owner(operation, &before).await?;
    let change = Change { role: before.role_id, status: MembershipStatus::Removed };
    write(operation, request_id, &before, change, AuditAction::MembershipLeave).await?;
    Ok(workspace)
}

/// What came of a transfer: the new OWNER's membership, and that of whoever was it.
pub struct Transferred {
    /// The new OWNER's.
    pub to: membership::Model,
    /// The former OWNER's.
    pub from: membership::Model,
}

/// Makes an active member the OWNER in place of whoever asks, who becomes ADMIN.
///
/// # Errors
///
/// FORBIDDEN for whoever is no OWNER, BAD_USER_INPUT, NOT_FOUND, CONFLICT.
pub async fn transfer_ownership(
    operation: &Operation,
    request_id: &str,
    named: Named,
) -> Result<Transferred> {
    let _ = operation.require(Permission::WorkspaceOwn)?;
    let _ = operation.require(Permission::MemberWrite)?;
    let mut check = Check::new();
    let (id, version) = (check.id("membershipId", &named.id), check.version(named.version));
    check.finish()?;
    let before = found(operation, id, version).await?;
    let actor = operation.actor_id().ok_or(Error::Forbidden(Permission::WorkspaceOwn.name()))?;
    let own = membership::Entity::find().filter(membership::Column::UserId.eq(actor)).lock_exclusive();
    let own = own.one(operation).await?.ok_or(Error::NotFound("membership"))?;
    let (owner, admin) = (built_in(operation, "OWNER").await?, built_in(operation, "ADMIN").await?);
    if own.role_id != Some(owner) {
        return Err(Error::Forbidden(Permission::WorkspaceOwn.name()));
    }
    if before.id == own.id {
        return Err(Error::Conflict("You are the OWNER already.", None));
    }
    if before.status != MembershipStatus::Active {
        return Err(Error::Conflict("Only an active member can become OWNER.", None));
    }
    let up = Change { role: Some(owner), status: before.status };
    let to = write(operation, request_id, &before, up, AuditAction::OwnershipTransfer).await?;
    let down = Change { role: Some(admin), status: own.status };
    let from = write(operation, request_id, &own, down, AuditAction::OwnershipTransfer).await?;
    Ok(Transferred { to, from })
}

const ENDED: Error =
    Error::Conflict("The membership has ended; only an invitation brings its person back.", None);

async fn move_to(
    operation: &Operation,
    request_id: &str,
    named: Named,
    (status, action): (MembershipStatus, AuditAction),
) -> Result<membership::Model> {
    let _ = operation.require(Permission::MemberWrite)?;
    let mut check = Check::new();
    let (id, version) = (check.id("id", &named.id), check.version(named.version));
    check.finish()?;
    let before = found(operation, id, version).await?;
    if before.status == status {
        return Ok(before);
    }
    if before.status == MembershipStatus::Removed {
        return Err(ENDED);
    }
    may_give_role(operation, before.role_id).await?;
    if status != MembershipStatus::Active {
        keep_owner(operation, &before).await?;
    }
    let change = Change { role: before.role_id, status };
    write(operation, request_id, &before, change, action).await
}

/// The membership, locked; what a client named it by was read before.
async fn found(operation: &Operation, id: Option<MembershipId>, version: i32) -> Result<membership::Model> {
    let id = id.ok_or_else(|| Error::internal("a field was not read, and not refused"))?;
    let select = membership::Entity::find().filter(membership::Column::Id.eq(id)).lock_exclusive();
    let row = select.one(operation).await?.ok_or(Error::NotFound("membership"))?;
    if row.version == version {
        return Ok(row);
    }
    Err(Error::Conflict("Somebody changed this membership in the meantime.", Some(row.version)))
}

/// A role that is there; locked against its deletion by the foreign key that will point at it.
pub(super) async fn role_named(operation: &Operation, id: Option<RoleId>) -> Result<RoleId> {
    let id = id.ok_or_else(|| Error::internal("a field was not read, and not refused"))?;
    let row = role::Entity::find().filter(role::Column::Id.eq(id)).one(operation).await?;
    row.map(|row| row.id).ok_or(Error::NotFound("role"))
}

/// FORBIDDEN where a role may do what the actor may not.
pub(super) async fn may_give_role(operation: &Operation, role: Option<RoleId>) -> Result<()> {
    let Some(role) = role else { return Ok(()) };
    let sql = "select coalesce(app.permissions_of_role($1, $2), '{}') as permissions";
    let values = [operation.workspace_id()?.0.into(), role.0.into()];
    let row = operation.query_one_raw(statement(sql, values)).await?;
    let row = row.ok_or_else(|| Error::internal("a role without permissions"))?;
    may_give(operation, &row.try_get::<Vec<String>>("", "permissions")?)
}

async fn built_in(operation: &Operation, name: &str) -> Result<RoleId> {
    let row = role::Entity::find().filter(role::Column::BuiltIn.eq(name)).one(operation).await?;
    row.map(|row| row.id).ok_or(Error::NotFound("role"))
}

/// CONFLICT where this is the last active OWNER. Of two at once the database refuses one, when it commits.
async fn keep_owner(operation: &Operation, row: &membership::Model) -> Result<()> {
    let sql = "select app.is_last_owner($1, $2) as last";
    let values = [operation.workspace_id()?.0.into(), row.id.0.into()];
    let found = operation.query_one_raw(statement(sql, values)).await?;
    let found = found.ok_or_else(|| Error::internal("a workspace without owners"))?;
    if found.try_get("", "last")? {
        return Err(Error::Conflict(
            "A workspace keeps at least one active OWNER: make somebody else OWNER first.",
            None,
        ));
    }
    Ok(())
}

/// What a membership becomes.
struct Change {
    role: Option<RoleId>,
    status: MembershipStatus,
}

async fn write(
    operation: &Operation,
    request_id: &str,
    before: &membership::Model,
    change: Change,
    action: AuditAction,
) -> Result<membership::Model> {
    let now = crate::clock::now();
    // Not read back: whoever has just left sees no row any more.
    let updated = membership::Entity::update_many()
        .col_expr(membership::Column::RoleId, Expr::value(change.role.map(|role| role.0)))
        .col_expr(membership::Column::Status, Expr::value(change.status))
        .col_expr(membership::Column::Version, Expr::value(before.version + 1))
        .col_expr(membership::Column::UpdatedAt, Expr::value(now))
        .filter(membership::Column::Id.eq(before.id))
        .exec(operation)
        .await?;
    if updated.rows_affected != 1 {
        return Err(Error::NotFound("membership"));
    }
    let row = membership::Model {
        role_id: change.role,
        status: change.status,
        version: before.version + 1,
        updated_at: now,
        ..before.clone()
    };
    tell(operation, request_id, &row);
    operation.audit(Audit {
        action,
        targets: vec![row.id.to_string(), row.user_id.to_string()],
        before: facts(before),
        after: facts(&row),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

fn facts(row: &membership::Model) -> Value {
    json!({ "role_id": row.role_id.map(|role| role.to_string()), "status": status(row.status) })
}

fn status(status: MembershipStatus) -> String {
    sea_orm::ActiveEnum::to_value(&status)
}

fn tell(operation: &Operation, request_id: &str, row: &membership::Model) {
    let user = row.user_id.to_string();
    let (r#type, data) = match row.status {
        MembershipStatus::Removed => (EventType::MembershipRemoved, json!({ "user_id": user })),
        status_now => {
            let role = row.role_id.map(|role| role.to_string());
            let data = json!({ "user_id": user, "role_id": role, "status": status(status_now) });
            (EventType::MembershipUpdated, data)
        }
    };
    let subject = row.id.to_string();
    operation.publish(Event { r#type, subject, data, correlation_id: request_id.to_owned() });
}

/// Tells of somebody who has just become a member.
pub(super) fn tell_of_new(
    operation: &Operation,
    request_id: &str,
    (membership, user, role): (MembershipId, UserId, RoleId),
) {
    operation.publish(Event {
        r#type: EventType::MembershipCreated,
        subject: membership.to_string(),
        data: json!({ "user_id": user.to_string(), "role_id": role.to_string() }),
        correlation_id: request_id.to_owned(),
    });
}
