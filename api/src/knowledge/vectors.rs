//! The workspace's embedding index: which one is active, and what a failing store means to a job.

use entity::embedding_index::{self, EmbeddingIndexStatus};
use entity::id::EmbeddingIndexId;
use half::f16;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::adapters::embeddings::Embedder;
use crate::error::{Error, Result};
use crate::tenancy::{Operation, statement};
use crate::worker::{Awaited, JobFailure};

/// The index that search uses; none before the first ingestion.
pub(super) async fn active_index(operation: &Operation) -> Result<Option<embedding_index::Model>> {
    let select = embedding_index::Entity::find()
        .filter(embedding_index::Column::Status.eq(EmbeddingIndexStatus::Active));
    Ok(select.one(operation).await?)
}

/// Whether an index holds vectors of this model: those of two models are never compared.
pub(super) fn is_of(index: &embedding_index::Model, embedder: &dyn Embedder) -> bool {
    index.model == embedder.id() && usize::try_from(index.dimensions) == Ok(embedder.dimensions())
}

/// The index that search uses, made for this model where there is none.
///
/// # Errors
///
/// A failure that another attempt does not mend, where the index is of another model.
pub(super) async fn ensure_index(
    operation: &Operation,
    embedder: &dyn Embedder,
) -> Result<embedding_index::Model, JobFailure> {
    let index = match active_index(operation).await? {
        Some(index) => index,
        None => make_index(operation, embedder).await?,
    };
    if is_of(&index, embedder) {
        return Ok(index);
    }
    tracing::warn!(index.model = %index.model, embedder.id = %embedder.id(), "the workspace's index is of another embedding model");
    let message =
        "The workspace's index is of another embedding model than the one that the server is set to.";
    Err(JobFailure::new("EMBEDDING_ERROR", message, false))
}

async fn make_index(operation: &Operation, embedder: &dyn Embedder) -> Result<embedding_index::Model> {
    let dimensions = i32::try_from(embedder.dimensions()).map_err(Error::internal)?;
    // First ingestion: two of them may meet here, and the second finds the first one's.
    operation
        .execute_raw(statement(
            "insert into public.embedding_indexes (id, model, dimensions, status) values ($1, $2, $3, 'ACTIVE')
             on conflict (workspace_id) where status = 'ACTIVE' do nothing",
            [EmbeddingIndexId::new().0.into(), embedder.id().into(), dimensions.into()],
        ))
        .await?;
    active_index(operation)
        .await?
        .ok_or_else(|| Error::internal("no active embedding index after making one"))
}

/// A vector as it is stored: half-precision floats, little-endian.
pub(super) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

/// A stored vector.
pub(super) fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32()).collect()
}

/// What a failing store means to a job.
pub(super) fn failure(error: &footnote_vectors::Error) -> JobFailure {
    tracing::warn!(exception.message = ?error, "the vector index failed");
    let class = "INDEX_ERROR";
    match error {
        footnote_vectors::Error::Unavailable => {
            JobFailure::waiting(Awaited::Vectors, class, "The vector index cannot be reached now.")
        }
        footnote_vectors::Error::BadQuery(_) | footnote_vectors::Error::DimensionMismatch { .. } => {
            JobFailure::new(class, "The vector index failed.", false)
        }
        _ => JobFailure::new(class, "The vector index failed.", true),
    }
}

/// What a failing store means to a client.
pub(super) fn error(error: &footnote_vectors::Error) -> Error {
    match error {
        footnote_vectors::Error::BadQuery(rule) => {
            Error::field("query", "INVALID", format!("The query is not right: {rule}."))
        }
        footnote_vectors::Error::Unavailable => Error::Unavailable(Awaited::Vectors.name()),
        other => Error::internal(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{from_bytes, to_bytes};

    #[test]
    fn a_vector_reads_back_in_half_precision() {
        let vector = [0.5, -0.25, 0.0, 1.0];
        assert_eq!(from_bytes(&to_bytes(&vector)), vector);
    }
}
