//! Search: the engine ranks, Postgres decides.
//!
//! The engine's hits are read back under the reader's own policies: what is not visible there is dropped and counted as a
//! fault, what is no longer current is dropped quietly, and when that leaves too few the engine is asked once more for all it
//! has. No transaction is open while the engine works.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use entity::id::{
    ChunkId, CollectionId, DocumentId, DocumentVersionId, EmbeddingIndexId, Given, WorkspaceId,
};
use entity::{chunk, document};
use footnote_vectors::Hit;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::vectors::{active_index, error, is_of};
use crate::app::App;
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{Operation, Permission};
use crate::worker::Awaited;

pub use footnote_vectors::Mode;

/// The longest search text, in characters.
pub const LONGEST_QUERY: usize = 2000;
/// The most collections that one search names.
const MOST_COLLECTIONS: usize = 100;
/// How many of the engine's hits are read back at most.
const MOST_HITS: usize = 1000;

/// Hits whose passage was not visible in Postgres, since the process began. A few follow a deletion; more are a fault.
static INVISIBLE_HITS: AtomicU64 = AtomicU64::new(0);

/// How many hits were dropped because their passage was not visible to the reader.
#[must_use]
pub fn invisible_hits() -> u64 {
    INVISIBLE_HITS.load(Ordering::Relaxed)
}

/// A search.
#[derive(Clone, Debug)]
pub struct Search {
    /// What is looked for.
    pub query: String,
    /// By meaning, by words, or both.
    pub mode: Mode,
    /// Where; everywhere if empty.
    pub collections: Vec<CollectionId>,
    /// Whether the collections were looked at when the work was accepted: one that was deleted since then has nothing to find.
    pub accepted: bool,
    /// How many passages.
    pub limit: usize,
    /// Whether the hits say where each list had them; the engine is asked twice more for it.
    pub explain: bool,
}

/// What a client asked for.
pub struct Asked {
    /// What is looked for.
    pub query: String,
    /// Where; everywhere if empty.
    pub collections: Vec<Given<CollectionId>>,
    /// How many passages.
    pub first: Option<i32>,
}

impl Asked {
    /// Checks it.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT with every bad argument.
    pub fn check(self, mode: Mode, explain: bool) -> Result<Search> {
        let mut check = Check::arguments();
        let query = self.query.trim().to_owned();
        let length = query.chars().take(LONGEST_QUERY + 1).count();
        if length == 0 {
            check.refuse("query", "EMPTY", "`query` is empty.");
        } else if length > LONGEST_QUERY {
            check.refuse("query", "LENGTH", format!("`query` takes at most {LONGEST_QUERY} characters."));
        }
        let collections = check.ids("collections", &self.collections, MOST_COLLECTIONS);
        let first = self.first.unwrap_or(20);
        if !(1..=100).contains(&first) {
            check.refuse("first", "OUT_OF_RANGE", "`first` is a number from 1 to 100.");
        }
        let collections = check.finish_with(collections)?;
        let limit = usize::try_from(first).map_err(Error::internal)?;
        Ok(Search { query, mode, collections, accepted: false, limit, explain })
    }
}

/// A passage that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The passage.
    pub chunk: chunk::Model,
    /// How it was ranked.
    pub hit: Hit,
}

/// Searches the workspace of the operations that `open` begins.
///
/// # Errors
///
/// FORBIDDEN without document:read, NOT_FOUND for a collection, UNAVAILABLE; the latter also for a search by meaning where the index
/// is of another model than the one that embeds here.
pub async fn search<F>(
    app: &App,
    search: &Search,
    open: impl Fn() -> F,
) -> Result<(Option<EmbeddingIndexId>, Vec<Found>)>
where
    F: Future<Output = Result<Operation>>,
{
    let operation = open().await?;
    let _ = operation.require(Permission::DocumentRead)?;
    let workspace = operation.workspace_id()?;
    if !search.accepted {
        check_collections(&operation, &search.collections).await?;
    }
    let index = active_index(&operation).await?;
    drop(operation);
    let Some(index) = index else { return Ok((None, Vec::new())) };
    if search.mode != Mode::Keyword && !is_of(&index, app.embedder()) {
        tracing::warn!(workspace.id = %workspace, index.model = %index.model, "the index is of another embedding model");
        return Err(Error::Unavailable("embedding model of this workspace's index"));
    }
    let dense = embed(app, search).await?;
    let mut asked = (search.limit * 2 + 10).min(MOST_HITS);
    loop {
        let query = footnote_vectors::Query {
            text: search.query.clone(),
            dense: dense.clone(),
            mode: search.mode,
            collection_ids: (!search.collections.is_empty())
                .then(|| search.collections.iter().map(|id| id.0).collect()),
            limit: asked,
            explain: search.explain,
            ..Default::default()
        };
        let tenant = app.vectors().for_workspace(workspace.0);
        let hits = tenant.search(index.id.0, &query).await.map_err(|cause| error(&cause))?;
        let exhausted = hits.len() < asked || asked == MOST_HITS;
        let operation = open().await?;
        let found = read_back(&operation, workspace, hits, search.limit).await?;
        if found.len() == search.limit || exhausted {
            return Ok((Some(index.id), found));
        }
        asked = MOST_HITS;
    }
}

async fn embed(app: &App, search: &Search) -> Result<Option<Vec<f32>>> {
    if search.mode == Mode::Keyword {
        return Ok(None);
    }
    let vectors = app.embedder().embed(vec![search.query.clone()]).await.map_err(|error| {
        tracing::warn!(exception.message = %error, "a query could not be embedded");
        Error::Unavailable(Awaited::Embeddings.name())
    })?;
    // A text without a word that the model knows has the zero vector, which is similar to nothing.
    Ok(vectors.into_iter().next().filter(|vector| vector.iter().any(|value| *value != 0.0)))
}

/// Checks that the reader sees each of these collections.
///
/// # Errors
///
/// NOT_FOUND, the same for one that does not exist, that was deleted, and that is another tenant's.
pub(crate) async fn check_collections(operation: &Operation, ids: &[CollectionId]) -> Result<()> {
    use entity::collection::{Column, Entity};
    if ids.is_empty() {
        return Ok(());
    }
    let known: Vec<CollectionId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::DeletedAt.is_null())
        .into_tuple()
        .all(operation)
        .await?;
    if ids.iter().all(|id| known.contains(id)) { Ok(()) } else { Err(Error::NotFound("collection")) }
}

/// Reads hits back under the reader's policies: the current ones, best first, at most `limit`.
async fn read_back(
    operation: &Operation,
    workspace: WorkspaceId,
    hits: Vec<Hit>,
    limit: usize,
) -> Result<Vec<Found>> {
    let ids: Vec<ChunkId> = hits.iter().map(|hit| ChunkId(hit.chunk_id)).collect();
    let chunks = chunk::Entity::find().filter(chunk::Column::Id.is_in(ids)).all(operation).await?;
    let current = current_versions(operation, &chunks).await?;
    let mut visible: HashMap<ChunkId, chunk::Model> =
        chunks.into_iter().map(|chunk| (chunk.id, chunk)).collect();
    let (mut invisible, mut foreign) = (0, 0);
    let mut found = Vec::with_capacity(limit);
    for hit in hits {
        match visible.remove(&ChunkId(hit.chunk_id)) {
            Some(chunk) if hit.workspace_id == workspace.0 => {
                if found.len() < limit && current.contains(&chunk.document_version_id) {
                    found.push(Found { chunk, hit });
                }
            }
            _ if hit.workspace_id == workspace.0 => invisible += 1,
            _ => foreign += 1,
        }
    }
    INVISIBLE_HITS.fetch_add(invisible + foreign, Ordering::Relaxed);
    if invisible > 0 {
        // For a moment after a deletion this is right: points go first, then passages.
        tracing::warn!(workspace.id = %workspace, count = invisible, "search hits without a visible passage were dropped");
    }
    if foreign > 0 {
        tracing::error!(workspace.id = %workspace, count = foreign, "search hits of another workspace were dropped");
    }
    Ok(found)
}

/// Those versions of the passages that are in service.
async fn current_versions(
    operation: &Operation,
    chunks: &[chunk::Model],
) -> Result<HashSet<DocumentVersionId>> {
    let documents: HashSet<DocumentId> = chunks.iter().map(|chunk| chunk.document_id).collect();
    let versions: Vec<Option<DocumentVersionId>> = document::Entity::find()
        .select_only()
        .column(document::Column::CurrentVersionId)
        .filter(document::Column::Id.is_in(documents))
        .filter(document::Column::DeletedAt.is_null())
        .into_tuple()
        .all(operation)
        .await?;
    Ok(versions.into_iter().flatten().collect())
}
