//! The rules of operators.

use entity::id::{Given, OperatorEntryId, OperatorId};
use entity::operator_entry;
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult};
use serde_json::json;

use super::types::{AppliedMigration, JobsOfKind, Operator, WorkspaceCounts};
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{
    Audit, AuditAction, Event, EventType, Operation, Permission, Wake, WorkspaceKey, statement,
};

/// The length of a reason, in characters.
const REASON: std::ops::RangeInclusive<usize> = 10..=500;
/// How many workspaces are counted.
const MOST_WORKSPACES: i32 = 1_000_000;
/// How many jobs are counted.
pub(super) const MOST_JOBS: i32 = 100_000;
/// How many entries an operator sees of their own.
const MOST_ENTRIES: i32 = 100;

/// An entry to begin.
pub struct Start {
    /// The workspace's slug or id.
    pub workspace: String,
    /// Why.
    pub reason: String,
    /// For how long.
    pub minutes: i32,
}

/// Lets an operator into a workspace, for at most so many minutes.
///
/// # Errors
///
/// FORBIDDEN for everybody else, BAD_USER_INPUT, NOT_FOUND, CONFLICT where the operator is in it already.
pub async fn start(
    operation: &Operation,
    request_id: &str,
    most_minutes: u32,
    new: &Start,
) -> Result<operator_entry::Model> {
    operation.require_operator()?;
    let mut check = Check::new();
    let key = WorkspaceKey::parse(new.workspace.trim());
    if key.is_none() {
        check.refuse("workspace", "INVALID", "`workspace` takes a workspace's slug or id.");
    }
    let reason = check.text("reason", &new.reason, REASON);
    if reason.chars().any(char::is_control) {
        check.refuse("reason", "INVALID_CHARACTER", "`reason` holds a control character; it is one line.");
    }
    if !u32::try_from(new.minutes).is_ok_and(|minutes| (1..=most_minutes).contains(&minutes)) {
        check.refuse("minutes", "OUT_OF_RANGE", format!("`minutes` takes 1 to {most_minutes}."));
    }
    let (id, slug) = match check.finish_with(key)? {
        WorkspaceKey::Id(id) => (Some(id.0), None),
        WorkspaceKey::Slug(slug) => (None, Some(slug.to_string())),
    };
    let enter = statement(
        "select * from app.start_operator_entry($1, $2, $3, $4, $5, $6)",
        [
            OperatorEntryId::new().0.into(),
            id.into(),
            slug.into(),
            reason.into(),
            new.minutes.into(),
            request_id.into(),
        ],
    );
    let row = operator_entry::Entity::find().from_raw_sql(enter).one(operation).await?;
    operation.wake(Wake::Mails);
    row.ok_or_else(|| Error::internal("the door began no entry"))
}

/// Ends an entry of the operator who asks.
///
/// # Errors
///
/// FORBIDDEN for everybody else, BAD_USER_INPUT, NOT_FOUND, CONFLICT where it has ended.
pub async fn leave(
    operation: &Operation,
    request_id: &str,
    id: &Given<OperatorEntryId>,
) -> Result<operator_entry::Model> {
    operation.require_operator()?;
    let id = checked(id)?;
    let leave = statement("select * from app.leave_operator_entry($1, $2)", [id.0.into(), request_id.into()]);
    let row = operator_entry::Entity::find().from_raw_sql(leave).one(operation).await?;
    row.ok_or(Error::NotFound("entry"))
}

/// Ends an operator's entry into the workspace.
///
/// # Errors
///
/// FORBIDDEN without workspace:own, BAD_USER_INPUT, NOT_FOUND, CONFLICT where it has ended.
pub async fn end(
    operation: &Operation,
    request_id: &str,
    id: &Given<OperatorEntryId>,
) -> Result<operator_entry::Model> {
    let _ = operation.require(Permission::WorkspaceOwn)?;
    let id = checked(id)?;
    let end = statement("select * from app.end_operator_entry($1)", [id.0.into()]);
    let row = operator_entry::Entity::find().from_raw_sql(end).one(operation).await?;
    let row = row.ok_or(Error::NotFound("entry"))?;
    operation.publish(Event {
        r#type: EventType::OperatorLeft,
        subject: id.to_string(),
        data: json!({}),
        correlation_id: request_id.to_owned(),
    });
    operation.audit(Audit {
        action: AuditAction::OperatorEnd,
        targets: vec![id.to_string()],
        before: json!(null),
        after: json!({ "ended_by": "OWNER" }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

fn checked(id: &Given<OperatorEntryId>) -> Result<OperatorEntryId> {
    let mut check = Check::new();
    let id = check.id("id", id);
    check.finish_with(id)
}

/// The operator who asks.
///
/// # Errors
///
/// FORBIDDEN for everybody else.
pub async fn operator(operation: &Operation) -> Result<Operator> {
    operation.require_operator()?;
    let select = statement("select id, name, email, expires_at from app.operator_of_context()", []);
    let row = operation.query_one_raw(select).await?;
    let row = row.ok_or_else(|| Error::internal("the operator of the context is gone"))?;
    Ok(Operator {
        id: OperatorId(row.try_get("", "id")?),
        name: row.try_get("", "name")?,
        email: row.try_get("", "email")?,
        expires_at: row.try_get("", "expires_at")?,
    })
}

/// The newest entries of the operator who asks, so many at most.
///
/// # Errors
///
/// FORBIDDEN for everybody else, BAD_USER_INPUT.
pub async fn entries(operation: &Operation, first: i32) -> Result<Vec<operator_entry::Model>> {
    operation.require_operator()?;
    if !(1..=MOST_ENTRIES).contains(&first) {
        let message = format!("`first` takes 1 to {MOST_ENTRIES}.");
        return Err(Error::field("first", "OUT_OF_RANGE", message));
    }
    let select = statement("select * from app.entries_of_operator($1)", [first.into()]);
    Ok(operator_entry::Entity::find().from_raw_sql(select).all(operation).await?)
}

/// How many workspaces there are.
///
/// # Errors
///
/// FORBIDDEN for everybody but operators.
pub async fn count_workspaces(operation: &Operation) -> Result<WorkspaceCounts> {
    operation.require_operator()?;
    let select =
        statement("select total, pending_deletion from app.count_workspaces($1)", [MOST_WORKSPACES.into()]);
    let row = operation.query_one_raw(select).await?;
    let row = row.ok_or_else(|| Error::internal("the door counted nothing"))?;
    let (total, pending_deletion): (i32, i32) =
        (row.try_get("", "total")?, row.try_get("", "pending_deletion")?);
    Ok(WorkspaceCounts { total, active: total - pending_deletion, pending_deletion })
}

/// How many jobs of each kind there are.
///
/// # Errors
///
/// FORBIDDEN for everybody but operators.
pub async fn count_jobs(operation: &Operation) -> Result<Vec<JobsOfKind>> {
    operation.require_operator()?;
    let select = statement(
        "select kind, queued, running, dead, oldest_queued_at from app.count_jobs($1)",
        [MOST_JOBS.into()],
    );
    Ok(JobsOfKind::find_by_statement(select).all(operation).await?)
}

/// Which migrations were applied, and when.
///
/// # Errors
///
/// FORBIDDEN for everybody but operators.
pub async fn migrations(operation: &Operation) -> Result<Vec<AppliedMigration>> {
    operation.require_operator()?;
    let select = statement("select name, applied_at from app.migration_history()", []);
    Ok(AppliedMigration::find_by_statement(select).all(operation).await?)
}
