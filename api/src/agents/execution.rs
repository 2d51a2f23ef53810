//! The job `agent_run.execute`: retrieve, answer, check every citation, end.
//!
//! Where the server has a chat model, the model answers; otherwise the extractive answerer does, and never in the model's place.
//!
//! Each step commits with its events before the next one begins, and a restarted run goes on after the last finished step: a
//! retrieval that was stored is not made again, so the answer cites what the run has seen. The answer, its citations and the
//! end of the job are one transaction.

use entity::agent_run::{self, AgentRunFailureClass, AgentRunStatus};
use entity::id::AgentRunId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

use super::answering;
use super::extractive;
use super::recording::{Answered, conclude};
use super::retrieving::{Found, found, has_retrieved, retrieve};
use super::service::EXECUTE;
use super::status::{is_terminal, move_to, tell_finished, wait_for};
use crate::error::{Error, Result};
use crate::tenancy::{Operation, Permission};
use crate::worker::{JobContext, JobFailure, JobHandler};

/// The handler.
pub(super) struct Execute;

#[async_trait::async_trait]
impl JobHandler for Execute {
    fn kind(&self) -> &'static str {
        EXECUTE
    }

    async fn run(&self, context: &JobContext) -> Result<(), JobFailure> {
        let id = AgentRunId(context.job().subject_id);
        let Some(run) = begin(context, id).await? else { return Ok(()) };
        if !has_retrieved(context, id).await? && !retrieve(context, &run, &run.input).await? {
            return Ok(());
        }
        match context.app().model() {
            Some(model) => answering::answer(context, &run, model.as_ref()).await,
            None => extract(context, &run).await,
        }
    }

    async fn retry(&self, context: &JobContext, operation: &Operation, failure: &JobFailure) -> Result<()> {
        let id = AgentRunId(context.job().subject_id);
        match lock(operation, id).await? {
            Some(run) if run.status == AgentRunStatus::Running => {
                wait_for(operation, id, failure.wait_reason()).await
            }
            _ => Ok(()),
        }
    }

    async fn abandon(&self, context: &JobContext, operation: &Operation, failure: &JobFailure) -> Result<()> {
        let id = AgentRunId(context.job().subject_id);
        let Some(run) = lock(operation, id).await? else { return Ok(()) };
        if is_terminal(run.status) {
            return Ok(());
        }
        let class = match failure.class {
            "POLICY_DENIED" => AgentRunFailureClass::PolicyDenied,
            "TIMEOUT" => AgentRunFailureClass::Timeout,
            "RATE_LIMITED" => AgentRunFailureClass::RateLimited,
            "INVALID_OUTPUT" => AgentRunFailureClass::InvalidOutput,
            "CONTEXT_TOO_LONG" => AgentRunFailureClass::ContextTooLong,
            "UNAVAILABLE" | "INDEX_ERROR" | "EMBEDDING_ERROR" | "PROVIDER_ERROR" => {
                AgentRunFailureClass::ProviderError
            }
            _ => AgentRunFailureClass::Internal,
        };
        move_to(operation, id, AgentRunStatus::Failed, Some((class, &failure.message))).await?;
        tell_finished(operation, id, AgentRunStatus::Failed, &context.job().correlation_id);
        Ok(())
    }
}

async fn lock(operation: &Operation, id: AgentRunId) -> Result<Option<agent_run::Model>> {
    Ok(agent_run::Entity::find().filter(agent_run::Column::Id.eq(id)).lock_exclusive().one(operation).await?)
}

/// The run, if it is still to go on; otherwise the job has been ended.
pub(super) async fn go_on(
    context: &JobContext,
    operation: Operation,
    id: AgentRunId,
) -> Result<Option<(Operation, agent_run::Model)>> {
    let Some(run) = lock(&operation, id).await? else {
        context.finish(operation).await?;
        return Ok(None);
    };
    if is_terminal(run.status) {
        context.finish(operation).await?;
        return Ok(None);
    }
    if run.deadline_at < crate::clock::now() {
        move_to(&operation, id, AgentRunStatus::Expired, None).await?;
        tell_finished(&operation, id, AgentRunStatus::Expired, &context.job().correlation_id);
        context.finish(operation).await?;
        return Ok(None);
    }
    Ok(Some((operation, run)))
}

async fn begin(context: &JobContext, id: AgentRunId) -> Result<Option<agent_run::Model>> {
    let operation = context.operation().await?;
    let Some((operation, run)) = go_on(context, operation, id).await? else { return Ok(None) };
    let _ = operation.require(Permission::AgentRunWrite)?;
    if run.status != AgentRunStatus::Running {
        move_to(&operation, id, AgentRunStatus::Running, None).await?;
    }
    operation.commit().await?;
    Ok(Some(run))
}

/// Answers with sentences of the stored passages.
async fn extract(context: &JobContext, run: &agent_run::Model) -> Result<(), JobFailure> {
    let started_at = crate::clock::now();
    let operation = context.operation().await?;
    // Jobs see documents whoever started them, so the starter's permission is asked for here.
    let _ = operation.require(Permission::DocumentRead)?;
    let Found { hits, passages, .. } = found(&operation, run.id).await?;
    drop(operation);
    let question = run.input.clone();
    let work = tokio::task::spawn_blocking(move || {
        let answer = extractive::answer(&question, &passages, None, &extractive::Settings::default());
        (answer, passages.len())
    });
    let (answer, read) = work.await.map_err(Error::internal)?;
    let operation = context.operation().await?;
    let Some((operation, run)) = go_on(context, operation, run.id).await? else { return Ok(()) };
    let (abstained, rest) = (answer.abstained, json!({ "text": answer.text }));
    let answered = Answered { answer, rest: Some(rest), started_at };
    let concluded = conclude(context, (operation, &run), &hits, answered, |verified| {
        if abstained {
            return format!("Read {read} passages; they do not answer the question.");
        }
        let plural = if verified == 1 { "" } else { "s" };
        format!("Answered from {read} passages with {verified} verified citation{plural}.")
    });
    Ok(concluded.await?)
}
