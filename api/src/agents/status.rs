//! How a run moves: one statement changes the status and counts its events, so that the log is contiguous.

use entity::agent_run::{AgentRunFailureClass, AgentRunStatus};
use entity::agent_run_event::AgentRunEventKind;
use entity::id::AgentRunId;
use sea_orm::{ActiveEnum, ConnectionTrait};
use serde_json::json;

use super::events::{NewEvent, append};
use crate::error::{Error, Result};
use crate::tenancy::{Event, EventType, Operation, Wake, statement};

/// Whether nothing follows.
pub(super) fn is_terminal(status: AgentRunStatus) -> bool {
    matches!(
        status,
        AgentRunStatus::Succeeded
            | AgentRunStatus::Failed
            | AgentRunStatus::Canceled
            | AgentRunStatus::Expired
    )
}

/// Moves a run; the database refuses what its state machine does not know.
pub(super) async fn move_to(
    operation: &Operation,
    id: AgentRunId,
    status: AgentRunStatus,
    failure: Option<(AgentRunFailureClass, &str)>,
) -> Result<()> {
    change(operation, id, status, failure, None).await
}

/// Lets a run wait for what its `waitReason` names.
pub(super) async fn wait_for(operation: &Operation, id: AgentRunId, reason: &'static str) -> Result<()> {
    change(operation, id, AgentRunStatus::Waiting, None, Some(reason)).await
}

async fn change(
    operation: &Operation,
    id: AgentRunId,
    status: AgentRunStatus,
    failure: Option<(AgentRunFailureClass, &str)>,
    wait: Option<&'static str>,
) -> Result<()> {
    let (class, message) = match failure {
        Some((class, message)) => (Some(class.to_value()), Some(message)),
        None => (None, None),
    };
    // Move: the trigger checks the transition and sets its timestamp.
    let moved = operation
        .execute_raw(statement(
            "update public.agent_runs set status = $2, failure_class = $3, failure_message = left($4, 2000), wait_reason = $5,
               version = version + 1, updated_at = now() where workspace_id = app.workspace_id() and id = $1",
            [id.0.into(), status.to_value().into(), class.clone().into(), message.into(), wait.into()],
        ))
        .await?;
    if moved.rows_affected() != 1 {
        return Err(Error::NotFound("run"));
    }
    let data = json!({ "failure_class": class, "message": message });
    append(operation, id, vec![NewEvent { kind: AgentRunEventKind::StatusChanged, data }]).await
}

/// Tells the workspace that a run has ended.
pub(super) fn tell_finished(
    operation: &Operation,
    id: AgentRunId,
    status: AgentRunStatus,
    correlation_id: &str,
) {
    operation.publish(Event {
        r#type: EventType::AgentRunFinished,
        subject: id.to_string(),
        data: json!({ "status": status.to_value() }),
        correlation_id: correlation_id.to_owned(),
    });
    operation.wake(Wake::AgentRun(id));
}
