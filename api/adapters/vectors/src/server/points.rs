//! How points and filters look to a server.
//!
//! A point's id on the server is derived from its workspace, its index and its own id, so that no point overwrites one of
//! another workspace, whatever id it was given. Every filter made here names the workspace and the index.

use std::collections::HashMap;

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind as ValueKind;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    Condition, DenseVector, FieldCondition, Filter, HasIdCondition, Match, NamedVectors, PointId,
    PointStruct, RepeatedStrings, SparseVector, Value, Vector, Vectors, vector,
};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::engine::{Scope, Selection};
use crate::keywords::Keywords;
use crate::layout::{BM25, CHUNK, COLLECTION, DENSE, DOCUMENT, INDEX, KIND, POINT, VERSION, WORKSPACE, unit};
use crate::types::{Hit, Point};

/// A payload as it is on the wire.
pub(super) type Payload = HashMap<String, Value>;

/// A point on its way to the server.
pub(super) struct Stored {
    pub(super) point: PointStruct,
    /// Whether it lacks one of the vectors that an earlier one under its id may have had.
    pub(super) incomplete: bool,
    /// About how many bytes it takes in a message.
    pub(super) size: usize,
}

/// A point as it is stored.
pub(super) fn stored(scope: Scope, keywords: &Keywords, point: &Point) -> Stored {
    let (dense, sparse) = (unit(&point.dense), keywords.of_document(&point.text));
    let incomplete = dense.is_none() || sparse.is_none();
    let mut vectors = HashMap::new();
    let mut size = 1024;
    if let Some(data) = dense {
        size += data.len() * 4;
        vectors.insert(DENSE.to_owned(), named(vector::Vector::Dense(DenseVector { data })));
    }
    if let Some(words) = sparse {
        size += words.indices.len() * 9;
        let words = SparseVector { values: words.values, indices: words.indices };
        vectors.insert(BM25.to_owned(), named(vector::Vector::Sparse(words)));
    }
    let payload = [
        (WORKSPACE, point.workspace_id),
        (INDEX, scope.index_id),
        (COLLECTION, point.collection_id),
        (DOCUMENT, point.document_id),
        (VERSION, point.version_id),
        (CHUNK, point.chunk_id),
        (POINT, point.id),
    ];
    let mut payload: Payload =
        payload.into_iter().map(|(key, id)| (key.to_owned(), text(id.to_string()))).collect();
    payload.insert(KIND.to_owned(), text(point.kind.as_str().to_owned()));
    let point = PointStruct {
        id: Some(server_id(scope, point.id)),
        payload,
        vectors: Some(Vectors { vectors_options: Some(VectorsOptions::Vectors(NamedVectors { vectors })) }),
    };
    Stored { point, incomplete, size }
}

/// The id that a point has on the server.
pub(super) fn server_id(scope: Scope, point_id: Uuid) -> PointId {
    derived_id(b"point", &[scope.workspace_id, scope.index_id, point_id])
}

/// The id that an index's marker has on the server.
pub(super) fn marker_id(scope: Scope) -> PointId {
    derived_id(b"index", &[scope.workspace_id, scope.index_id])
}

fn derived_id(domain: &[u8], ids: &[Uuid]) -> PointId {
    let mut hash = Sha256::new_with_prefix(domain);
    for id in ids {
        hash.update(id.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let id = Builder::from_custom_bytes(bytes).into_uuid();
    PointId { point_id_options: Some(PointIdOptions::Uuid(id.to_string())) }
}

/// All of a workspace, in every index.
pub(super) fn workspace_filter(workspace_id: Uuid) -> Filter {
    Filter { must: vec![is(WORKSPACE, workspace_id)], ..Filter::default() }
}

/// All of the scope: what every search, deletion, count and term statistic begins with.
pub(super) fn scope_filter(scope: Scope) -> Filter {
    let mut filter = workspace_filter(scope.workspace_id);
    filter.must.push(is(INDEX, scope.index_id));
    filter
}

/// Of the scope only these collections.
pub(super) fn collections_filter(scope: Scope, collection_ids: Option<&[Uuid]>) -> Filter {
    let mut filter = scope_filter(scope);
    filter.must.extend(collection_ids.map(|ids| is_one_of(COLLECTION, ids)));
    filter
}

/// Of the scope only the selection.
pub(super) fn selection_filter(scope: Scope, selection: Selection) -> Filter {
    let mut filter = scope_filter(scope);
    match selection {
        Selection::Points(ids) => {
            filter.must.push(has_id(ids.into_iter().map(|id| server_id(scope, id)).collect()));
        }
        Selection::Document(document_id) => filter.must.push(is(DOCUMENT, document_id)),
        Selection::Versions { document_id, versions } => {
            filter.must.push(is(DOCUMENT, document_id));
            filter.must.push(is_one_of(VERSION, &versions));
        }
    }
    filter
}

/// Of the scope only these points, by their ids on the server.
pub(super) fn ids_filter(scope: Scope, ids: Vec<PointId>) -> Filter {
    let mut filter = scope_filter(scope);
    filter.must.push(has_id(ids));
    filter
}

/// A stored point as a hit; none if one of its ids is missing or no id.
pub(super) fn hit(payload: &Payload, score: f32, ranks: (Option<u32>, Option<u32>)) -> Option<Hit> {
    Some(Hit {
        chunk_id: id_in(payload, CHUNK)?,
        document_id: id_in(payload, DOCUMENT)?,
        version_id: id_in(payload, VERSION)?,
        workspace_id: id_in(payload, WORKSPACE)?,
        score,
        dense_rank: ranks.0,
        sparse_rank: ranks.1,
    })
}

/// An id in a payload; none if there is none, or it is no id.
pub(super) fn id_in(payload: &Payload, key: &str) -> Option<Uuid> {
    match payload.get(key)?.kind.as_ref()? {
        ValueKind::StringValue(text) => text.parse().ok(),
        _ => None,
    }
}

/// A text in a payload.
pub(super) fn text(text: String) -> Value {
    Value { kind: Some(ValueKind::StringValue(text)) }
}

fn named(vector: vector::Vector) -> Vector {
    Vector { vector: Some(vector), ..Vector::default() }
}

fn is(key: &str, id: Uuid) -> Condition {
    matches(key, MatchValue::Keyword(id.to_string()))
}

fn is_one_of(key: &str, ids: &[Uuid]) -> Condition {
    let strings = ids.iter().map(Uuid::to_string).collect();
    matches(key, MatchValue::Keywords(RepeatedStrings { strings }))
}

fn matches(key: &str, value: MatchValue) -> Condition {
    let field = FieldCondition {
        key: key.to_owned(),
        r#match: Some(Match { match_value: Some(value) }),
        ..FieldCondition::default()
    };
    Condition { condition_one_of: Some(ConditionOneOf::Field(field)) }
}

fn has_id(has_id: Vec<PointId>) -> Condition {
    Condition { condition_one_of: Some(ConditionOneOf::HasId(HasIdCondition { has_id })) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::{marker_id, server_id};
    use crate::engine::Scope;

    #[test]
    fn the_same_point_id_in_another_workspace_or_index_is_another_point() {
        let id = Uuid::from_u128(7);
        let scopes = [(1, 1), (1, 2), (2, 1), (2, 2)].map(|(workspace, index)| Scope {
            workspace_id: Uuid::from_u128(workspace),
            index_id: Uuid::from_u128(index),
        });
        let mut ids: HashSet<_> = scopes.iter().map(|scope| server_id(*scope, id)).collect();
        ids.extend(scopes.iter().map(|scope| marker_id(*scope)));
        assert_eq!(ids.len(), 8);
        assert_eq!(server_id(scopes[0], id), server_id(scopes[0], id), "and always the same one");
    }
}
