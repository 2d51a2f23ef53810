//! How passages and their vectors are stored and read: always all of a version in one statement.

use std::collections::HashMap;

use entity::id::{ChunkId, DocumentId, DocumentVersionId, EmbeddingIndexId, PointId};
use sea_orm::sea_query::ArrayType;
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;
use uuid::Uuid;

use super::chunking::ChunkSpan;
use super::vectors::{from_bytes, to_bytes};
use crate::error::{Error, Result};
use crate::tenancy::{Operation, statement};

/// Stores all passages of a version in one statement.
pub(super) async fn insert_chunks(
    operation: &Operation,
    document: DocumentId,
    version: DocumentVersionId,
    chunks: Vec<ChunkSpan>,
) -> Result<()> {
    let count = |n: u32| i32::try_from(n).map_err(Error::internal);
    let mut columns: [Vec<Value>; 8] = Default::default();
    for chunk in chunks {
        let values: [Value; 8] = [
            ChunkId::new().0.into(),
            count(chunk.ordinal)?.into(),
            count(chunk.start)?.into(),
            count(chunk.end)?.into(),
            json!(chunk.heading_path).into(),
            count(chunk.token_count)?.into(),
            chunk.text.into(),
            chunk.text_hash.to_vec().into(),
        ];
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
    }
    let [ids, ordinals, starts, ends, headings, tokens, texts, hashes] = columns;
    // Store: all passages of the version in one statement.
    operation
        .execute_raw(statement(
            "insert into public.chunks (workspace_id, document_id, document_version_id, id, ordinal, start_offset, end_offset,
               heading_path, token_count, text, text_hash)
             select app.workspace_id(), $1, $2, * from unnest($3::uuid[], $4::int[], $5::int[], $6::int[], $7::jsonb[], $8::int[],
               $9::text[], $10::bytea[])",
            [
                document.0.into(),
                version.0.into(),
                array(ArrayType::Uuid, ids),
                array(ArrayType::Int, ordinals),
                array(ArrayType::Int, starts),
                array(ArrayType::Int, ends),
                array(ArrayType::Json, headings),
                array(ArrayType::Int, tokens),
                array(ArrayType::String, texts),
                array(ArrayType::Bytes, hashes),
            ],
        ))
        .await?;
    Ok(())
}

/// Copies the vectors of passages whose text an earlier version of the document has too.
pub(super) async fn reuse_embeddings(
    operation: &Operation,
    index: EmbeddingIndexId,
    version: DocumentVersionId,
) -> Result<()> {
    // Embed: unchanged passages keep their vectors.
    let rows = operation
        .query_all_raw(statement(
            "select distinct on (c.id) c.id, e.vector
             from public.chunks c
             join public.chunks o on o.workspace_id = c.workspace_id and o.document_id = c.document_id and o.text_hash = c.text_hash and o.heading_path = c.heading_path
               and o.document_version_id <> c.document_version_id
             join public.chunk_embeddings e on e.workspace_id = o.workspace_id and e.chunk_id = o.id and e.embedding_index_id = $2
             where c.workspace_id = app.workspace_id() and c.document_version_id = $1
               and not exists (select from public.chunk_embeddings own where own.workspace_id = c.workspace_id
                 and own.chunk_id = c.id and own.embedding_index_id = $2)",
            [version.0.into(), index.0.into()],
        ))
        .await?;
    let mut ids = Vec::with_capacity(rows.len());
    let mut vectors = Vec::with_capacity(rows.len());
    for row in rows {
        ids.push(row.try_get::<Uuid>("", "id")?);
        vectors.push(from_bytes(&row.try_get::<Vec<u8>>("", "vector")?));
    }
    insert_embeddings(operation, index, &ids, &vectors).await
}

/// Stores vectors of passages; one that another worker stored stays.
pub(super) async fn insert_embeddings(
    operation: &Operation,
    index: EmbeddingIndexId,
    chunks: &[Uuid],
    vectors: &[Vec<f32>],
) -> Result<()> {
    if chunks.is_empty() {
        return Ok(());
    }
    let ids = chunks.iter().map(|_| PointId::new().0.into()).collect();
    let chunk_ids = chunks.iter().map(|id| (*id).into()).collect();
    let bytes = vectors.iter().map(|vector| to_bytes(vector).into()).collect();
    // Embed: vectors of passages; one that another worker stored stays.
    operation
        .execute_raw(statement(
            "insert into public.chunk_embeddings (workspace_id, embedding_index_id, id, chunk_id, vector)
             select app.workspace_id(), $1, * from unnest($2::uuid[], $3::uuid[], $4::bytea[])
             on conflict (workspace_id, embedding_index_id, chunk_id) do nothing",
            [
                index.0.into(),
                array(ArrayType::Uuid, ids),
                array(ArrayType::Uuid, chunk_ids),
                array(ArrayType::Bytes, bytes),
            ],
        ))
        .await?;
    Ok(())
}

/// The vectors of a version's passages, by passage.
pub(super) async fn embeddings(
    operation: &Operation,
    index: EmbeddingIndexId,
    version: DocumentVersionId,
) -> Result<HashMap<ChunkId, (PointId, Vec<f32>)>> {
    // Index: the vectors of a version.
    let rows = operation
        .query_all_raw(statement(
            "select e.id, e.chunk_id, e.vector from public.chunk_embeddings e
             join public.chunks c on c.workspace_id = e.workspace_id and c.id = e.chunk_id
             where e.workspace_id = app.workspace_id() and e.embedding_index_id = $1 and c.document_version_id = $2",
            [index.0.into(), version.0.into()],
        ))
        .await?;
    rows.iter()
        .map(|row| {
            let vector = from_bytes(&row.try_get::<Vec<u8>>("", "vector")?);
            Ok((ChunkId(row.try_get("", "chunk_id")?), (PointId(row.try_get("", "id")?), vector)))
        })
        .collect()
}

fn array(kind: ArrayType, values: Vec<Value>) -> Value {
    Value::Array(kind, Some(Box::new(values)))
}
