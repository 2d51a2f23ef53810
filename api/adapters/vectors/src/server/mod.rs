//! A Qdrant server, over gRPC: all workspaces in few collections, each call confined to one workspace and one index.
//!
//! Guarantees: every search, count and deletion names the workspace and the index, term statistics are computed over them
//! alone, and a point's id on the server is made of both, so that no workspace reads, moves or overwrites another's points.
//! What was acknowledged is in the server's log. Each call ends within its time; a server that is away is
//! [`Error::Unavailable`], and the next call tries again.
//!
//! Refuses: collections under its names that it did not make. It never makes room by itself: at most so many calls are under
//! way, further ones wait.

mod collections;
mod connection;
mod markers;
mod options;
mod points;
mod query;
mod silence;

use std::sync::Arc;

use async_trait::async_trait;
use qdrant_client::qdrant::{CountPoints, Filter, PointStruct, UpsertPoints};
use uuid::Uuid;

pub use options::ServerOptions;

use crate::engine::{EngineStatus, Scope, Selection, VectorEngine};
use crate::error::Error;
use crate::keywords::Keywords;
use crate::layout::check_dimension;
use crate::types::{Hit, Point, Query};
use collections::{Collections, all_of_points, of_dimension, of_markers};
use connection::{Call, Connection, Refusal};
use markers::{Markers, delete};
use points::{Stored, ids_filter, scope_filter, selection_filter, stored, workspace_filter};

/// The most points of one message.
const BATCH_POINTS: usize = 512;
/// About the most bytes of one message; a larger point goes alone.
const BATCH_BYTES: usize = 4 << 20;

/// The engine on a server.
pub(crate) struct Server {
    connection: Connection,
    collections: Collections,
    markers: Markers,
    keywords: Arc<Keywords>,
}

impl Server {
    /// Prepares everything and connects to nothing: the server may be away.
    pub(crate) fn new(options: ServerOptions) -> Result<Self, Error> {
        Ok(Self {
            connection: Connection::new(options)?,
            collections: Collections::default(),
            markers: Markers::default(),
            keywords: Arc::new(Keywords::new()?),
        })
    }

    /// The collection and the dimension of an index; none if it was never prepared.
    async fn place(&self, scope: Scope) -> Result<Option<(String, usize)>, Error> {
        let dimensions = self.markers.dimensions(&self.connection, scope).await?;
        Ok(dimensions.map(|dimensions| (of_dimension(self.connection.prefix(), dimensions), dimensions)))
    }

    /// Writes one batch; of a point that lost a vector the earlier one goes first.
    async fn write(&self, scope: Scope, collection: &str, batch: Vec<Stored>) -> Result<(), Refusal> {
        let incomplete = batch.iter().filter(|stored| stored.incomplete);
        let incomplete: Vec<_> = incomplete.filter_map(|stored| stored.point.id.clone()).collect();
        if !incomplete.is_empty() {
            // Whether replacing a point keeps vectors that the new one does not name depends on the server's version.
            let filter = ids_filter(scope, incomplete);
            delete(&self.connection, collection.to_owned(), filter).await.map_err(Refusal::Failed)?;
        }
        let points: Vec<PointStruct> = batch.into_iter().map(|stored| stored.point).collect();
        let request = UpsertPoints {
            collection_name: collection.to_owned(),
            wait: Some(true),
            points,
            ..UpsertPoints::default()
        };
        self.connection
            .call(Call::Write, || async { self.connection.points().upsert(request.clone()).await })
            .await
            .map(drop)
    }

    /// Counts exactly what a filter finds; a collection that is not there has nothing.
    async fn count_in(&self, collection_name: String, filter: Filter) -> Result<u64, Error> {
        let request = CountPoints {
            collection_name,
            filter: Some(filter),
            exact: Some(true),
            ..CountPoints::default()
        };
        let answer = self
            .connection
            .call(Call::Read, || async { self.connection.points().count(request.clone()).await })
            .await;
        match answer {
            Ok(counted) => Ok(counted.result.map_or(0, |result| result.count)),
            Err(Refusal::NoCollection) => Ok(0),
            Err(refusal) => Err(refusal.into_error()),
        }
    }

    /// What a missing collection means: the index is not there, or no longer.
    fn missing(&self, scope: Scope) -> Error {
        self.collections.forget();
        Error::NotPrepared { index_id: scope.index_id }
    }
}

#[async_trait]
impl VectorEngine for Server {
    async fn prepare(&self, scope: Scope, dimensions: usize) -> Result<(), Error> {
        let same = |expected: usize| {
            if expected == dimensions {
                Ok(())
            } else {
                Err(Error::DimensionMismatch { expected, got: dimensions })
            }
        };
        if let Some(expected) = self.markers.look(&self.connection, scope).await? {
            same(expected)?;
            return self.collections.ensure(&self.connection, dimensions).await.map(drop);
        }
        self.collections.ensure(&self.connection, dimensions).await?;
        self.markers.mark(&self.connection, &self.collections, scope, dimensions).await?;
        // Of two that prepare it at the same time with different dimensions the last one counts.
        let marked = self.markers.look(&self.connection, scope).await?;
        marked.map_or(Err(Error::NotPrepared { index_id: scope.index_id }), same)
    }

    async fn upsert(&self, scope: Scope, points: Vec<Point>) -> Result<(), Error> {
        let Some((collection, dimensions)) = self.place(scope).await? else {
            return Err(Error::NotPrepared { index_id: scope.index_id });
        };
        for point in &points {
            check_dimension(dimensions, &point.dense)?;
        }
        let mut left = points.into_iter().peekable();
        while left.peek().is_some() {
            let (keywords, rest) = (Arc::clone(&self.keywords), left);
            // Splitting texts into words is work, and of one message only so many points are in memory twice.
            let cut = tokio::task::spawn_blocking(move || cut_batch(scope, &keywords, rest));
            let (batch, rest) = cut.await.map_err(|error| Error::Engine(error.to_string()))?;
            left = rest;
            match self.write(scope, &collection, batch).await {
                Ok(()) => {}
                Err(Refusal::NoCollection) => return Err(self.missing(scope)),
                Err(refusal) => return Err(refusal.into_error()),
            }
        }
        if self.markers.look(&self.connection, scope).await? == Some(dimensions) {
            return Ok(());
        }
        // A purge came between: it removed the marker before the points, so whatever it missed is removed here.
        delete(&self.connection, collection, scope_filter(scope)).await?;
        Err(Error::NotPrepared { index_id: scope.index_id })
    }

    async fn delete(&self, scope: Scope, selection: Selection) -> Result<(), Error> {
        match self.place(scope).await? {
            Some((collection, _)) => {
                delete(&self.connection, collection, selection_filter(scope, selection)).await
            }
            None => Ok(()),
        }
    }

    async fn search(&self, scope: Scope, query: Query) -> Result<Vec<Hit>, Error> {
        let Some((collection, dimensions)) = self.place(scope).await? else {
            return Ok(Vec::new());
        };
        query::check(dimensions, &query)?;
        if query.collection_ids.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        match query::search(&self.connection, &collection, scope, &self.keywords, &query).await {
            Err(Refusal::NoCollection) => {
                self.missing(scope);
                Ok(Vec::new())
            }
            found => found.map_err(Refusal::into_error),
        }
    }

    async fn count(&self, scope: Scope) -> Result<u64, Error> {
        match self.place(scope).await? {
            Some((collection, _)) => self.count_in(collection, scope_filter(scope)).await,
            None => Ok(0),
        }
    }

    /// The server does it by itself.
    async fn optimize(&self, _: Scope) -> Result<bool, Error> {
        if self.connection.is_closed() { Err(Error::Unavailable) } else { Ok(false) }
    }

    async fn count_workspace(&self, workspace_id: Uuid) -> Result<u64, Error> {
        let markers = of_markers(self.connection.prefix());
        let mut count = self.count_in(markers, workspace_filter(workspace_id)).await?;
        for collection in all_of_points(&self.connection).await? {
            count += self.count_in(collection, workspace_filter(workspace_id)).await?;
        }
        Ok(count)
    }

    async fn remove_workspace(&self, workspace_id: Uuid) -> Result<(), Error> {
        self.markers.remove(&self.connection, workspace_id).await?;
        for collection in all_of_points(&self.connection).await? {
            delete(&self.connection, collection, workspace_filter(workspace_id)).await?;
        }
        Ok(())
    }

    /// What was acknowledged is in the server's log.
    async fn flush_all(&self) -> Result<(), Error> {
        if self.connection.is_closed() { Err(Error::Unavailable) } else { Ok(()) }
    }

    async fn close(&self) -> Result<(), Error> {
        self.connection.close().await;
        Ok(())
    }

    async fn check(&self) -> Result<(), Error> {
        self.connection.check(&of_markers(self.connection.prefix())).await
    }

    fn status(&self) -> EngineStatus {
        EngineStatus {
            engine: "qdrant-server",
            ready: self.connection.is_reachable(),
            open_shards: 0,
            open_shards_limit: 0,
        }
    }
}

/// Takes as many points as one message holds, and gives back the rest.
fn cut_batch(
    scope: Scope,
    keywords: &Keywords,
    mut points: std::iter::Peekable<std::vec::IntoIter<Point>>,
) -> (Vec<Stored>, std::iter::Peekable<std::vec::IntoIter<Point>>) {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH_POINTS && bytes < BATCH_BYTES {
        let Some(point) = points.next() else { break };
        let stored = stored(scope, keywords, &point);
        bytes += stored.size;
        batch.push(stored);
    }
    (batch, points)
}
