//! What a run retrieves: each search is a step of its own, stored with its hits before anything is made of them.

use chrono::{DateTime, Utc};
use entity::agent_run_step::AgentRunStepKind;
use entity::id::{AgentRunId, CollectionId, RetrievalHitId, RetrievalId};
use entity::{agent, agent_run, agent_run_step, chunk, document, retrieval, retrieval_hit};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::execution::go_on;
use super::extractive::Passage;
use super::recording::{Step, store_step};
use crate::error::{Error, Result};
use crate::knowledge::retrieval::{LONGEST_QUERY, Mode, Search, search};
use crate::tenancy::Operation;
use crate::worker::JobContext;

/// A passage that the run found, as it stands in the database.
pub(super) struct Hit {
    pub(super) id: RetrievalHitId,
    pub(super) chunk: chunk::Model,
}

/// What a run has found so far: its searches in order, and each passage once.
#[derive(Default)]
pub(super) struct Found {
    pub(super) searches: Vec<Searched>,
    pub(super) hits: Vec<Hit>,
    /// The same passages, as answerers read them.
    pub(super) passages: Vec<Passage>,
}

/// One search of a run.
pub(super) struct Searched {
    pub(super) query: String,
    /// What it found: places in the run's passages, best first.
    pub(super) passages: Vec<usize>,
}

/// The agent of a run.
pub(super) async fn agent_of(operation: &Operation, run: &agent_run::Model) -> Result<agent::Model> {
    let agent = agent::Entity::find().filter(agent::Column::Id.eq(run.agent_id)).one(operation).await?;
    agent.ok_or(Error::Forbidden("agent:read"))
}

pub(super) async fn has_retrieved(context: &JobContext, id: AgentRunId) -> Result<bool> {
    let operation = context.operation().await?;
    let select = retrieval::Entity::find().filter(retrieval::Column::AgentRunId.eq(id));
    Ok(select.one(&operation).await?.is_some())
}

/// Searches, and stores what was found as the run's next step; false where the run is not to go on.
pub(super) async fn retrieve(context: &JobContext, run: &agent_run::Model, query: &str) -> Result<bool> {
    let started_at = crate::clock::now();
    let operation = context.operation().await?;
    let agent = agent_of(&operation, run).await?;
    drop(operation);
    let collections: Vec<Uuid> =
        serde_json::from_value(run.collection_ids.clone()).map_err(Error::internal)?;
    let wanted = Search {
        query: query.chars().take(LONGEST_QUERY).collect(),
        mode: Mode::Hybrid,
        collections: collections.into_iter().map(CollectionId).collect(),
        accepted: true,
        limit: usize::try_from(agent.max_passages).map_err(Error::internal)?,
        explain: true,
    };
    let (index, found) = search(context.app(), &wanted, || context.operation()).await?;
    let operation = context.operation().await?;
    let Some((operation, _)) = go_on(context, operation, run.id).await? else { return Ok(false) };
    store_retrieval(&operation, run, started_at, (wanted.query, index, &found)).await?;
    operation.commit().await?;
    Ok(true)
}

async fn store_retrieval(
    operation: &Operation,
    run: &agent_run::Model,
    started_at: DateTime<Utc>,
    (query, index, found): (
        String,
        Option<entity::id::EmbeddingIndexId>,
        &[crate::knowledge::retrieval::Found],
    ),
) -> Result<()> {
    let detail = format!("Found {} passages.", found.len());
    let step = Step { kind: AgentRunStepKind::Retrieval, detail, started_at };
    let step_id = store_step(operation, run.id, next_ordinal(operation, run.id).await?, &step).await?;
    let retrieval_id = RetrievalId::new();
    let row = retrieval::ActiveModel {
        id: Set(retrieval_id),
        workspace_id: Set(run.workspace_id),
        agent_run_id: Set(run.id),
        agent_run_step_id: Set(step_id),
        embedding_index_id: Set(index),
        query: Set(query),
        mode: Set("HYBRID".to_owned()),
        ..Default::default()
    };
    retrieval::Entity::insert(row).exec_without_returning(operation).await?;
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
        retrieval_hit::Entity::insert_many(hits).exec_without_returning(operation).await?;
    }
    Ok(())
}

/// The place of the run's next step. The run's row is locked, so nobody else takes it.
pub(super) async fn next_ordinal(operation: &Operation, run: AgentRunId) -> Result<i32> {
    let steps = agent_run_step::Entity::find().filter(agent_run_step::Column::AgentRunId.eq(run));
    i32::try_from(steps.count(operation).await?).map_err(Error::internal)
}

/// What the run has found, as far as it is still there.
pub(super) async fn found(operation: &Operation, run: AgentRunId) -> Result<Found> {
    // Their ids are in the order of their making.
    let retrievals = retrieval::Entity::find()
        .filter(retrieval::Column::AgentRunId.eq(run))
        .order_by_asc(retrieval::Column::Id)
        .all(operation)
        .await?;
    let rows = retrieval_hit::Entity::find()
        .filter(retrieval_hit::Column::RetrievalId.is_in(retrievals.iter().map(|retrieval| retrieval.id)))
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
    let mut found = Found::default();
    for retrieval in retrievals {
        let mut searched = Searched { query: retrieval.query, passages: Vec::new() };
        for row in rows.iter().filter(|row| row.retrieval_id == retrieval.id) {
            let Some(chunk) = chunks.iter().find(|chunk| chunk.id == row.chunk_id) else { continue };
            let known = found.hits.iter().position(|hit| hit.chunk.id == chunk.id);
            if known.is_none() {
                let title = documents.iter().find(|document| document.id == chunk.document_id);
                let title = title.map(|document| document.title.clone()).unwrap_or_default();
                found.passages.push(passage(row, chunk, title)?);
                found.hits.push(Hit { id: row.id, chunk: chunk.clone() });
            }
            searched.passages.push(known.unwrap_or(found.hits.len() - 1));
        }
        found.searches.push(searched);
    }
    Ok(found)
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
