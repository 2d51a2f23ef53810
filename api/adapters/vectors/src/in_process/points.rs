//! How points, their vectors and their tenant look inside a shard.
//!
//! Every filter made here begins with the workspace.

use qdrant_edge::external::serde_json::{Value, json};
use qdrant_edge::{
    Condition, CreateIndex, Distance, EdgeConfig, EdgeConfigBuilder, EdgeShard,
    EdgeSparseVectorParamsBuilder, EdgeVectorParamsBuilder, FieldCondition, FieldIndexOperations, Filter,
    HasIdCondition, JsonPath, KeywordIndexParams, Match, Modifier, NamedVectors, Payload, PayloadFieldSchema,
    PayloadSchemaParams, PointId, PointInsertOperations, PointOperations, PointStruct, UpdateOperation,
    WalOptions,
};
use uuid::Uuid;

use super::shards::engine_error;
use crate::engine::{Scope, Selection};
use crate::error::Error;
use crate::keywords::Keywords;
use crate::layout::{
    BM25, CHUNK, COLLECTION, DENSE, DOCUMENT, KIND, VERSION, WORKSPACE, check_dimension, unit,
};
use crate::types::{Hit, Point};

/// Points in one record of the engine's log.
const BATCH: usize = 512;
/// Bytes of one file of the engine's log (its default is 32 MiB, for each of many small shards).
const LOG_FILE: usize = 4 << 20;

/// The configuration of a new shard.
pub(super) fn config(dimensions: usize) -> EdgeConfig {
    EdgeConfigBuilder::new()
        .vector(DENSE, EdgeVectorParamsBuilder::new(dimensions, Distance::Cosine).build())
        .sparse_vector(BM25, EdgeSparseVectorParamsBuilder::new().modifier(Modifier::Idf).build())
        .wal_options(WalOptions { segment_capacity: LOG_FILE, ..WalOptions::default() })
        .build()
}

/// The dimension that a shard was made with (0 if it has no embedding, which none of ours lacks).
pub(super) fn dimensions(shard: &EdgeShard) -> usize {
    shard.config().vectors.get(DENSE).map_or(0, |vector| vector.size)
}

/// Makes a new shard's payload indexes: the tenant's, and those that deleting and searching ask for.
pub(super) fn make_payload_indexes(shard: &EdgeShard) -> Result<(), Error> {
    for field in [WORKSPACE, COLLECTION, DOCUMENT, VERSION] {
        let params =
            KeywordIndexParams { is_tenant: Some(field == WORKSPACE), ..KeywordIndexParams::default() };
        let schema = PayloadFieldSchema::FieldParams(PayloadSchemaParams::Keyword(params));
        let create = CreateIndex { field_name: path(field), field_schema: Some(schema) };
        let operation = UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create));
        shard.update(operation).map_err(engine_error)?;
    }
    Ok(())
}

/// Writes points, all checked before the first; a vector that a point no longer has goes too.
pub(super) fn write_points(
    shard: &EdgeShard,
    scope: Scope,
    keywords: &Keywords,
    points: &[Point],
) -> Result<(), Error> {
    let dimensions = dimensions(shard);
    for point in points {
        check_dimension(dimensions, &point.dense)?;
    }
    for batch in points.chunks(BATCH) {
        let mut incomplete = Vec::new();
        let mut stored = Vec::with_capacity(batch.len());
        for point in batch {
            let (dense, sparse) = (unit(&point.dense), keywords.of_document(&point.text));
            if dense.is_none() || sparse.is_none() {
                incomplete.push(point.id);
            }
            let mut vectors = NamedVectors::default();
            if let Some(dense) = dense {
                vectors = vectors.add_vector(DENSE, dense);
            }
            if let Some(sparse) = sparse {
                vectors = vectors.add_vector(BM25, sparse);
            }
            stored.push(PointStruct::new(PointId::Uuid(point.id), vectors, payload(point)).into());
        }
        if !incomplete.is_empty() {
            // Replacing a point leaves in place what the new one does not name.
            let filter = selection_filter(scope, Selection::Points(incomplete));
            update(shard, PointOperations::DeletePointsByFilter(filter))?;
        }
        update(shard, PointOperations::UpsertPoints(PointInsertOperations::PointsList(stored)))?;
    }
    Ok(())
}

/// Only the scope's workspace: what every search, deletion and count begins with.
pub(super) fn tenant_filter(scope: Scope) -> Filter {
    Filter::new_must(is(WORKSPACE, scope.workspace_id))
}

/// Only the scope's workspace, and of it only these collections.
pub(super) fn collections_filter(scope: Scope, collection_ids: Option<&[Uuid]>) -> Filter {
    let mut filter = tenant_filter(scope);
    filter.must.get_or_insert_default().extend(collection_ids.map(|ids| is_one_of(COLLECTION, ids)));
    filter
}

/// Only the scope's workspace, and of it only the selection.
pub(super) fn selection_filter(scope: Scope, selection: Selection) -> Filter {
    let mut filter = tenant_filter(scope);
    let must = filter.must.get_or_insert_default();
    match selection {
        Selection::Points(ids) => {
            let ids: HasIdCondition = ids.into_iter().map(PointId::Uuid).collect();
            must.push(Condition::HasId(ids));
        }
        Selection::Document(document_id) => must.push(is(DOCUMENT, document_id)),
        Selection::Versions { document_id, versions } => {
            must.push(is(DOCUMENT, document_id));
            must.push(is_one_of(VERSION, &versions));
        }
    }
    filter
}

/// A stored point as a hit; none if one of its ids is missing or no id.
pub(super) fn hit(payload: &Payload, score: f32, ranks: (Option<u32>, Option<u32>)) -> Option<Hit> {
    let id = |field: &str| payload.0.get(field)?.as_str()?.parse().ok();
    Some(Hit {
        chunk_id: id(CHUNK)?,
        document_id: id(DOCUMENT)?,
        version_id: id(VERSION)?,
        workspace_id: id(WORKSPACE)?,
        score,
        dense_rank: ranks.0,
        sparse_rank: ranks.1,
    })
}

fn payload(point: &Point) -> Value {
    json!({
        WORKSPACE: point.workspace_id,
        COLLECTION: point.collection_id,
        DOCUMENT: point.document_id,
        VERSION: point.version_id,
        CHUNK: point.chunk_id,
        KIND: point.kind.as_str(),
    })
}

fn path(field: &str) -> JsonPath {
    JsonPath { first_key: field.to_owned(), rest: Vec::new() }
}

fn is(field: &str, id: Uuid) -> Condition {
    // A whole search takes half the time that it takes with a list of one id.
    Condition::Field(FieldCondition::new_match(path(field), Match::from(id.to_string())))
}

fn is_one_of(field: &str, ids: &[Uuid]) -> Condition {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    Condition::Field(FieldCondition::new_match(path(field), Match::from(ids)))
}

fn update(shard: &EdgeShard, operation: PointOperations) -> Result<(), Error> {
    shard.update(UpdateOperation::PointOperation(operation)).map_err(engine_error)
}

#[cfg(test)]
mod tests {
    use qdrant_edge::{CountRequest, EdgeShard, PointOperations};
    use uuid::Uuid;

    use super::{config, make_payload_indexes, selection_filter, update, write_points};
    use crate::engine::{Scope, Selection};
    use crate::keywords::Keywords;
    use crate::types::{Kind, Point};

    /// The foreign point cannot be seen through the door at all, so this looks into the shard.
    #[test]
    fn a_point_of_another_workspace_is_never_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = EdgeShard::new(folder.path(), config(2)).expect("a shard");
        make_payload_indexes(&shard).expect("indexes");
        let keywords = Keywords::new().expect("the default model");
        let [mine, theirs, document_id, version_id] = [1, 2, 3, 4].map(Uuid::from_u128);
        let scope = Scope { workspace_id: mine, index_id: Uuid::nil() };
        let point = |id: u128, workspace_id| Point {
            id: Uuid::from_u128(id),
            workspace_id,
            collection_id: Uuid::nil(),
            document_id,
            version_id,
            chunk_id: Uuid::nil(),
            kind: Kind::Chunk,
            dense: vec![1.0, 0.0],
            text: "lease".to_owned(),
        };
        let (own, foreign) = (point(10, mine), point(11, theirs));
        let all = || shard.count(CountRequest { filter: None, exact: true }).expect("a count");
        for selection in [
            Selection::Points(vec![own.id, foreign.id]),
            Selection::Document(document_id),
            Selection::Versions { document_id, versions: vec![own.version_id] },
        ] {
            write_points(&shard, scope, &keywords, &[own.clone(), foreign.clone()]).expect("both points");
            assert_eq!(all(), 2);
            let filter = selection_filter(scope, selection.clone());
            update(&shard, PointOperations::DeletePointsByFilter(filter)).expect("a deletion");
            assert_eq!(all(), 1, "{selection:?}");
        }
    }
}
