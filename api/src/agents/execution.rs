//! The job `agent_run.execute`: retrieve, answer, check every citation, end.
//!
//! Each step commits with its events before the next one begins, and a restarted run goes on after the last finished step: a
//! retrieval that was stored is not made again, so the answer cites what the run has seen. The answer, its citations and the
//! end of the job are one transaction.

use chrono::{DateTime, Utc};
use entity::agent_run::{AgentRunFailureClass, AgentRunStatus};
use entity::agent_run_event::AgentRunEventKind;
use entity::agent_run_step::{AgentRunStepKind, AgentRunStepStatus};
use entity::citation::CitationVerification;
use entity::id::{AgentRunId, AgentRunStepId, CollectionId, DocumentVersionId, RetrievalHitId, RetrievalId};
use entity::{agent, agent_run, agent_run_step, chunk, document, document_version, retrieval, retrieval_hit};
use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::json;
use uuid::Uuid;

use super::citations::{self, Quote, Verification};
use super::events::{NewEvent, append};
use super::extractive::{self, Answer, AnswerCitation, Passage};
use super::service::EXECUTE;
use super::status::{is_terminal, move_to, tell_finished, wait_for};
use crate::error::{Error, Result};
use crate::knowledge::retrieval::{LONGEST_QUERY, Mode, Search, search};
use crate::tenancy::{Operation, Permission, statement};
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
        if !has_retrieved(context, id).await? && !retrieve(context, &run).await? {
            return Ok(());
        }
        answer(context, &run).await
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
            "UNAVAILABLE" | "INDEX_ERROR" | "EMBEDDING_ERROR" => AgentRunFailureClass::ProviderError,
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
async fn go_on(
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

async fn has_retrieved(context: &JobContext, id: AgentRunId) -> Result<bool> {
    let operation = context.operation().await?;
    let select = retrieval::Entity::find().filter(retrieval::Column::AgentRunId.eq(id));
    Ok(select.one(&operation).await?.is_some())
}

/// Searches, and stores what was found as the run's first step; false where the run is not to go on.
async fn retrieve(context: &JobContext, run: &agent_run::Model) -> Result<bool> {
    let started_at = crate::clock::now();
    let operation = context.operation().await?;
    let agent = agent::Entity::find().filter(agent::Column::Id.eq(run.agent_id)).one(&operation).await?;
    let agent = agent.ok_or(Error::Forbidden("agent:read"))?;
    drop(operation);
    let collections: Vec<Uuid> =
        serde_json::from_value(run.collection_ids.clone()).map_err(Error::internal)?;
    let wanted = Search {
        query: run.input.chars().take(LONGEST_QUERY).collect(),
        mode: Mode::Hybrid,
        collections: collections.into_iter().map(CollectionId).collect(),
        accepted: true,
        limit: usize::try_from(agent.max_passages).map_err(Error::internal)?,
        explain: true,
    };
    let (index, found) = search(context.app(), &wanted, || context.operation()).await?;
    let operation = context.operation().await?;
    let Some((operation, _)) = go_on(context, operation, run.id).await? else { return Ok(false) };
    let step = Step {
        kind: AgentRunStepKind::Retrieval,
        detail: format!("Found {} passages.", found.len()),
        started_at,
    };
    let step_id = store_step(&operation, run.id, 0, &step).await?;
    let retrieval_id = RetrievalId::new();
    let row = retrieval::ActiveModel {
        id: Set(retrieval_id),
        workspace_id: Set(run.workspace_id),
        agent_run_id: Set(run.id),
        agent_run_step_id: Set(step_id),
        embedding_index_id: Set(index),
        query: Set(wanted.query),
        mode: Set("HYBRID".to_owned()),
        ..Default::default()
    };
    retrieval::Entity::insert(row).exec_without_returning(&operation).await?;
    let hits = found.iter().zip(1..).map(|(found, rank)| retrieval_hit::ActiveModel {
        id: Set(RetrievalHitId::new()),
        workspace_id: Set(run.workspace_id),
        retrieval_id: Set(retrieval_id),
        rank: Set(rank),
        chunk_id: Set(found.chunk.id),
        document_version_id: Set(found.chunk.document_version_id),
        dense_rank: Set(found.hit.dense_rank.and_then(|rank| i32::try_from(rank).ok())),
        sparse_rank: Set(found.hit.sparse_rank.and_then(|rank| i32::try_from(rank).ok())),
        fused_score: Set(f64::from(found.hit.score)),
        ..Default::default()
    });
    let hits: Vec<_> = hits.collect();
    if !hits.is_empty() {
        retrieval_hit::Entity::insert_many(hits).exec_without_returning(&operation).await?;
    }
    operation.commit().await?;
    Ok(true)
}

/// A passage that the run found, as it stands in the database.
struct Hit {
    id: RetrievalHitId,
    chunk: chunk::Model,
}

/// Answers from the stored passages, checks each citation, and ends run and job together.
async fn answer(context: &JobContext, run: &agent_run::Model) -> Result<(), JobFailure> {
    let started_at = crate::clock::now();
    let operation = context.operation().await?;
    // Jobs see documents whoever started them, so the starter's permission is asked for here.
    let _ = operation.require(Permission::DocumentRead)?;
    let (hits, passages) = passages(&operation, run.id).await?;
    drop(operation);
    let question = run.input.clone();
    let work = tokio::task::spawn_blocking(move || {
        let answer = extractive::answer(&question, &passages, None, &extractive::Settings::default());
        (answer, passages.len())
    });
    let (answer, read) = work.await.map_err(Error::internal)?;
    let operation = context.operation().await?;
    let Some((operation, run)) = go_on(context, operation, run.id).await? else { return Ok(()) };
    let mut events = Vec::new();
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
    let detail = if answer.abstained {
        format!("Read {read} passages; they do not answer the question.")
    } else {
        let (count, plural) = (supported.len(), if supported.len() == 1 { "" } else { "s" });
        format!("Answered from {read} passages with {count} verified citation{plural}.")
    };
    store_step(&operation, run.id, 1, &Step { kind: AgentRunStepKind::Answer, detail, started_at }).await?;
    events.insert(0, NewEvent { kind: AgentRunEventKind::AnswerDelta, data: json!({ "text": answer.text }) });
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
    Ok(context.finish(operation).await?)
}

/// The passages of the run's retrieval that are still there, in their order.
async fn passages(operation: &Operation, run: AgentRunId) -> Result<(Vec<Hit>, Vec<Passage>)> {
    let retrieval =
        retrieval::Entity::find().filter(retrieval::Column::AgentRunId.eq(run)).one(operation).await?;
    let Some(retrieval) = retrieval else { return Ok((Vec::new(), Vec::new())) };
    let rows = retrieval_hit::Entity::find()
        .filter(retrieval_hit::Column::RetrievalId.eq(retrieval.id))
        .order_by_asc(retrieval_hit::Column::Rank)
        .all(operation)
        .await?;
    let chunks = chunk::Entity::find()
        .filter(chunk::Column::Id.is_in(rows.iter().map(|row| row.chunk_id)))
        .all(operation)
        .await?;
    let documents = document::Entity::find()
        .filter(document::Column::Id.is_in(chunks.iter().map(|chunk| chunk.document_id)))
        .all(operation)
        .await?;
    let mut hits = Vec::with_capacity(rows.len());
    let mut passages = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(chunk) = chunks.iter().find(|chunk| chunk.id == row.chunk_id).cloned() else { continue };
        let title = documents.iter().find(|document| document.id == chunk.document_id);
        passages.push(passage(
            &row,
            &chunk,
            title.map(|document| document.title.clone()).unwrap_or_default(),
        )?);
        hits.push(Hit { id: row.id, chunk });
    }
    Ok((hits, passages))
}

fn passage(row: &retrieval_hit::Model, chunk: &chunk::Model, document_title: String) -> Result<Passage> {
    let count = |n: i32| u32::try_from(n).map_err(Error::internal);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the score came from the engine as a float of this size"
    )]
    let score = row.fused_score as f32;
    Ok(Passage {
        chunk_id: chunk.id.0,
        version_id: chunk.document_version_id.0,
        document_title,
        heading_path: crate::knowledge::heading_path(chunk),
        text: chunk.text.clone(),
        start: count(chunk.start_offset)?,
        rank: count(row.rank)?,
        score,
        dense_rank: row.dense_rank.map(count).transpose()?,
        sparse_rank: row.sparse_rank.map(count).transpose()?,
    })
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

struct Step {
    kind: AgentRunStepKind,
    detail: String,
    started_at: DateTime<Utc>,
}

/// Stores a finished step and tells subscribers.
async fn store_step(
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
