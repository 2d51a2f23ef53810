//! How a run's steps, its answer and its citations are stored, whoever answered: every citation is checked here, and the answer,
//! its citations and the end of the job are one transaction.

use chrono::{DateTime, Utc};
use entity::agent_run::{self, AgentRunFailureClass, AgentRunStatus};
use entity::agent_run_event::AgentRunEventKind;
use entity::agent_run_step::{self, AgentRunStepKind, AgentRunStepStatus};
use entity::citation::CitationVerification;
use entity::document_version;
use entity::id::{AgentRunId, AgentRunStepId, DocumentVersionId};
use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
};
use serde_json::json;

use super::citations::{self, Quote, Verification};
use super::events::{NewEvent, append};
use super::extractive::{Answer, AnswerCitation};
use super::retrieving::{Hit, next_ordinal};
use super::status::{move_to, tell_finished};
use crate::error::{Error, Result};
use crate::tenancy::{Operation, statement};
use crate::worker::JobContext;

/// An answer that is to be stored.
pub(super) struct Answered {
    pub(super) answer: Answer,
    /// What subscribers lack of its text; none where they have all of it.
    pub(super) rest: Option<serde_json::Value>,
    pub(super) started_at: DateTime<Utc>,
}

/// Checks each citation, stores the answer, and ends run and job together. `describe` says in the step's words what was done, given
/// how many citations were verified.
pub(super) async fn conclude(
    context: &JobContext,
    (operation, run): (Operation, &agent_run::Model),
    hits: &[Hit],
    answered: Answered,
    describe: impl FnOnce(usize) -> String,
) -> Result<()> {
    let Answered { answer, rest, started_at } = answered;
    let mut events = Vec::new();
    events.extend(rest.map(|data| NewEvent { kind: AgentRunEventKind::AnswerDelta, data }));
    let mut supported = Vec::new();
    for (citation, ordinal) in answer.citations.iter().zip(0..) {
        let hit = hits.get(citation.passage).ok_or_else(|| Error::internal("a citation of no passage"))?;
        let verified = store_citation(&operation, run.id, (citation, ordinal), hit).await?;
        if verified {
            supported.push((citation.answer_start, citation.answer_end));
        }
        let data = json!({
            "quote": citation.quote,
            "document_id": hit.chunk.document_id.to_string(),
            "document_version_id": hit.chunk.document_version_id.to_string(),
            "verification": if verified { "VERIFIED" } else { "REJECTED" },
        });
        events.push(NewEvent { kind: AgentRunEventKind::CitationAdded, data });
    }
    let step = Step { kind: AgentRunStepKind::Answer, detail: describe(supported.len()), started_at };
    store_step(&operation, run.id, next_ordinal(&operation, run.id).await?, &step).await?;
    append(&operation, run.id, events).await?;
    store_answer(&operation, run.id, &answer, &supported).await?;
    if !answer.abstained && supported.is_empty() {
        let message = "Nothing in the answer could be supported by the documents.";
        move_to(
            &operation,
            run.id,
            AgentRunStatus::Failed,
            Some((AgentRunFailureClass::Ungrounded, message)),
        )
        .await?;
        tell_finished(&operation, run.id, AgentRunStatus::Failed, &context.job().correlation_id);
    } else {
        move_to(&operation, run.id, AgentRunStatus::Succeeded, None).await?;
        tell_finished(&operation, run.id, AgentRunStatus::Succeeded, &context.job().correlation_id);
    }
    context.finish(operation).await
}

/// Checks a citation against its source and stores it with the verdict; whether it was verified.
async fn store_citation(
    operation: &Operation,
    run: AgentRunId,
    (citation, ordinal): (&AnswerCitation, i32),
    hit: &Hit,
) -> Result<bool> {
    let offset = |n: u32| i32::try_from(n).map_err(Error::internal);
    let text = version_text(operation, hit.chunk.document_version_id).await?;
    let quote = Quote { start: citation.start, end: citation.end, text: citation.quote.clone() };
    let rejection = match citations::verify(&text, &quote) {
        Verification::Verified => None,
        Verification::Rejected(reason) => Some(format!("{reason:?}")),
    };
    let row = entity::citation::ActiveModel {
        workspace_id: Set(hit.chunk.workspace_id),
        id: Set(entity::id::CitationId::new()),
        agent_run_id: Set(run),
        ordinal: Set(ordinal),
        retrieval_hit_id: Set(hit.id),
        document_id: Set(hit.chunk.document_id),
        document_version_id: Set(hit.chunk.document_version_id),
        chunk_id: Set(hit.chunk.id),
        start_offset: Set(offset(citation.start)?),
        end_offset: Set(offset(citation.end)?),
        sha256: Set(citations::sha256_hex(&citation.quote)),
        quote: Set(citation.quote.clone()),
        answer_start_offset: Set(offset(citation.answer_start)?),
        answer_end_offset: Set(offset(citation.answer_end)?),
        verification: Set(if rejection.is_none() {
            CitationVerification::Verified
        } else {
            CitationVerification::Rejected
        }),
        rejection: Set(rejection.clone()),
        ..Default::default()
    };
    entity::citation::Entity::insert(row).exec_without_returning(operation).await?;
    Ok(rejection.is_none())
}

async fn version_text(operation: &Operation, id: DocumentVersionId) -> Result<String> {
    let text: Option<Option<String>> = document_version::Entity::find()
        .select_only()
        .column(document_version::Column::Text)
        .filter(document_version::Column::Id.eq(id))
        .into_tuple()
        .one(operation)
        .await?;
    Ok(text.flatten().unwrap_or_default())
}

async fn store_answer(
    operation: &Operation,
    run: AgentRunId,
    answer: &Answer,
    supported: &[(u32, u32)],
) -> Result<()> {
    let coverage = citations::coverage(&answer.text, supported);
    let count = |n: u32| i32::try_from(n).map_err(Error::internal);
    // Answer: stored before the move that ends the run.
    operation
        .execute_raw(statement(
            "update public.agent_runs set answer_text = $2, answer_abstained = $3, answer_sentences = $4, answer_supported = $5
             where workspace_id = app.workspace_id() and id = $1",
            [
                run.0.into(),
                answer.text.clone().into(),
                answer.abstained.into(),
                count(coverage.sentences)?.into(),
                count(coverage.supported)?.into(),
            ],
        ))
        .await?;
    Ok(())
}

/// A step that is done.
pub(super) struct Step {
    pub(super) kind: AgentRunStepKind,
    pub(super) detail: String,
    pub(super) started_at: DateTime<Utc>,
}

/// Stores a finished step and tells subscribers.
pub(super) async fn store_step(
    operation: &Operation,
    run: AgentRunId,
    ordinal: i32,
    step: &Step,
) -> Result<AgentRunStepId> {
    let id = AgentRunStepId::new();
    let row = agent_run_step::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        agent_run_id: Set(run),
        ordinal: Set(ordinal),
        kind: Set(step.kind),
        status: Set(AgentRunStepStatus::Succeeded),
        detail: Set(step.detail.clone()),
        started_at: Set(step.started_at),
        finished_at: Set(crate::clock::now()),
        ..Default::default()
    };
    agent_run_step::Entity::insert(row).exec_without_returning(operation).await?;
    let data = json!({ "step_kind": step.kind.to_value(), "detail": step.detail });
    append(operation, run, vec![NewEvent { kind: AgentRunEventKind::StepFinished, data }]).await?;
    Ok(id)
}
