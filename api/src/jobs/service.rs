//! The rules of jobs.

use entity::id::{Given, JobId};
use entity::job::{self, Column, Entity};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use crate::error::{Error, Result, broken_constraint};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission, Wake, statement};

/// Work to be done after the operation has committed.
pub struct NewJob<'a> {
    /// What is to be done.
    pub kind: &'static str,
    /// What it is done to.
    pub subject_id: Uuid,
    /// At most one live job of the workspace has this key; none where any number may.
    pub dedupe_key: Option<String>,
    /// Not before so many milliseconds have passed.
    pub delay_ms: i64,
    /// The request at the root of it.
    pub correlation_id: &'a str,
}

/// Enqueues a job with the operation, on behalf of its actor.
///
/// # Errors
///
/// CONFLICT when the same work is under way.
pub async fn enqueue(operation: &Operation, new: NewJob<'_>) -> Result<()> {
    let run_at = crate::clock::now() + chrono::TimeDelta::milliseconds(new.delay_ms);
    let row = job::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(JobId::new()),
        kind: Set(new.kind.to_owned()),
        subject_id: Set(new.subject_id),
        actor_id: Set(operation.actor_id()),
        run_at: Set(run_at),
        dedupe_key: Set(new.dedupe_key),
        correlation_id: Set(new.correlation_id.to_owned()),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(operation).await.map_err(|error| {
        if broken_constraint(&error) == Some("jobs_dedupe") {
            return Error::Conflict("This is already under way.", None);
        }
        error.into()
    })?;
    operation.wake(Wake::Jobs);
    Ok(())
}

/// Queues a dead job again.
///
/// # Errors
///
/// FORBIDDEN without job:write, BAD_USER_INPUT, NOT_FOUND, CONFLICT for a job that is not dead or whose work was started anew.
pub async fn retry(operation: &Operation, request_id: &str, id: &Given<JobId>) -> Result<job::Model> {
    let _ = operation.require(Permission::JobWrite)?;
    let mut check = Check::new();
    let id = check.id("id", id);
    let id = check.finish_with(id)?;
    let row = Entity::find().filter(Column::Id.eq(id)).one(operation).await?.ok_or(Error::NotFound("job"))?;
    if row.kind == "agent_run.execute" {
        return Err(Error::Conflict("The run has ended with its job; start a new run.", None));
    }
    requeue(operation, row.id).await?;
    operation.publish(Event {
        r#type: EventType::JobRetried,
        subject: id.to_string(),
        data: json!({ "kind": row.kind }),
        correlation_id: request_id.to_owned(),
    });
    operation.audit(Audit {
        action: AuditAction::JobRetry,
        targets: vec![id.to_string()],
        before: json!({ "status": "DEAD" }),
        after: json!({ "status": "QUEUED" }),
        request_id: request_id.to_owned(),
    });
    Entity::find().filter(Column::Id.eq(id)).one(operation).await?.ok_or(Error::NotFound("job"))
}

async fn requeue(operation: &Operation, id: JobId) -> Result<()> {
    // Retry: only a dead job, and only while no live one does the same.
    let result = operation
        .execute_raw(statement(
            "update public.jobs set status = 'QUEUED', attempts = 0, run_at = clock_timestamp(), waiting_since = null, failure_class = null, \
             last_error = null, updated_at = clock_timestamp() \
             where workspace_id = app.workspace_id() and id = $1 and status = 'DEAD'",
            [id.0.into()],
        ))
        .await
        .map_err(|error| {
            if broken_constraint(&error) == Some("jobs_dedupe") {
                return Error::Conflict("This work was started anew in the meantime.", None);
            }
            error.into()
        })?;
    if result.rows_affected() != 1 {
        return Err(Error::Conflict("Only a dead job can be retried.", None));
    }
    operation.wake(Wake::Jobs);
    Ok(())
}
