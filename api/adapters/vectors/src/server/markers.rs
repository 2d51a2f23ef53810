//! Which indexes were prepared: a marker for each, as a point of a collection of its own.
//!
//! A marker holds the dimension, and with it the collection that the index's points are in. What was read is remembered,
//! because it changes only by a purge; whoever writes looks again afterwards, so that a purge that came between leaves
//! nothing behind.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::value::Kind as ValueKind;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use qdrant_client::qdrant::{
    DeletePoints, DenseVector, GetPoints, NamedVectors, PointStruct, PointsSelector, UpsertPoints, Value,
    Vector, Vectors, WithPayloadSelector, vector,
};
use uuid::Uuid;

use super::collections::{Collections, of_markers};
use super::connection::{Call, Connection, Refusal};
use super::points::{marker_id, text, workspace_filter};
use crate::engine::Scope;
use crate::error::Error;
use crate::layout::{DENSE, INDEX, WORKSPACE};

/// The key of the dimension in a marker.
const DIMENSIONS: &str = "dimensions";
/// How many markers are remembered before all are forgotten.
const REMEMBERED: usize = 50_000;

/// The markers, and those of them that were read.
#[derive(Default)]
pub(super) struct Markers {
    known: Mutex<HashMap<Scope, usize>>,
}

impl Markers {
    /// The dimension of an index, as it was last seen; none if it was never prepared.
    pub(super) async fn dimensions(
        &self,
        connection: &Connection,
        scope: Scope,
    ) -> Result<Option<usize>, Error> {
        let known = self.lock().get(&scope).copied();
        match known {
            Some(dimensions) => Ok(Some(dimensions)),
            None => self.look(connection, scope).await,
        }
    }

    /// The dimension of an index as it is now; none if it is not prepared.
    pub(super) async fn look(&self, connection: &Connection, scope: Scope) -> Result<Option<usize>, Error> {
        let request = GetPoints {
            collection_name: of_markers(connection.prefix()),
            ids: vec![marker_id(scope)],
            with_payload: Some(WithPayloadSelector { selector_options: Some(SelectorOptions::Enable(true)) }),
            ..GetPoints::default()
        };
        let answer =
            connection.call(Call::Read, || async { connection.points().get(request.clone()).await }).await;
        let found = match answer {
            Ok(response) => response.result.into_iter().next(),
            Err(Refusal::NoCollection) => None,
            Err(refusal) => return Err(refusal.into_error()),
        };
        let dimensions = match found {
            None => None,
            Some(marker) => match marker.payload.get(DIMENSIONS).and_then(|value| value.kind.as_ref()) {
                Some(ValueKind::IntegerValue(number)) => usize::try_from(*number).ok(),
                _ => return Err(Error::Engine("an index's marker has no dimension".to_owned())),
            },
        };
        let mut known = self.lock();
        match dimensions {
            Some(dimensions) => {
                if known.len() >= REMEMBERED {
                    known.clear();
                }
                known.insert(scope, dimensions);
            }
            None => {
                known.remove(&scope);
            }
        }
        Ok(dimensions)
    }

    /// Marks an index as prepared.
    pub(super) async fn mark(
        &self,
        connection: &Connection,
        collections: &Collections,
        scope: Scope,
        dimensions: usize,
    ) -> Result<(), Error> {
        let collection_name = collections.ensure_markers(connection).await?;
        let vector = vector::Vector::Dense(DenseVector { data: vec![1.0] });
        let vector = Vector { vector: Some(vector), ..Vector::default() };
        let vectors = NamedVectors { vectors: HashMap::from([(DENSE.to_owned(), vector)]) };
        let number = i64::try_from(dimensions).unwrap_or(i64::MAX);
        let marker = PointStruct {
            id: Some(marker_id(scope)),
            payload: HashMap::from([
                (WORKSPACE.to_owned(), text(scope.workspace_id.to_string())),
                (INDEX.to_owned(), text(scope.index_id.to_string())),
                (DIMENSIONS.to_owned(), Value { kind: Some(ValueKind::IntegerValue(number)) }),
            ]),
            vectors: Some(Vectors { vectors_options: Some(VectorsOptions::Vectors(vectors)) }),
        };
        let request = UpsertPoints {
            collection_name,
            wait: Some(true),
            points: vec![marker],
            ..UpsertPoints::default()
        };
        connection
            .call(Call::Write, || async { connection.points().upsert(request.clone()).await })
            .await
            .map(drop)
            .map_err(Refusal::into_error)
    }

    /// Removes the markers of a workspace: from then on nothing is written into its indexes.
    pub(super) async fn remove(&self, connection: &Connection, workspace_id: Uuid) -> Result<(), Error> {
        self.lock().retain(|scope, _| scope.workspace_id != workspace_id);
        delete(connection, of_markers(connection.prefix()), workspace_filter(workspace_id)).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, usize>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes what a filter finds; a collection that is not there has nothing.
pub(super) async fn delete(
    connection: &Connection,
    collection_name: String,
    filter: qdrant_client::qdrant::Filter,
) -> Result<(), Error> {
    let request = DeletePoints {
        collection_name,
        wait: Some(true),
        points: Some(PointsSelector { points_selector_one_of: Some(PointsSelectorOneOf::Filter(filter)) }),
        ..DeletePoints::default()
    };
    let answer = connection.call(Call::Write, || async { connection.points().delete(request.clone()).await });
    match answer.await {
        Ok(_) | Err(Refusal::NoCollection) => Ok(()),
        Err(refusal) => Err(refusal.into_error()),
    }
}
