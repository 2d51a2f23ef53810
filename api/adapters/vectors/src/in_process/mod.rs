//! Qdrant's engine inside this process, with one shard folder per workspace and index.
//!
//! A workspace's points and term statistics lie in its own folder, so tenants are apart on disk already; the tenant
//! filter is in every call nevertheless. The engine is synchronous: each call runs on the blocking pool and takes its
//! locks with it, so a dropped future neither interrupts it nor frees its shard too early. A panic of the engine
//! becomes [`Error::Engine`]. Writes to a shard go one after the other, reads beside them.
//!
//! The engine writes a log ahead but does not read it when it opens, so every write is flushed before it returns.

mod folders;
mod points;
mod query;
mod shards;

use std::sync::Arc;

use async_trait::async_trait;
use qdrant_edge::{CountRequest, EdgeShard, PointOperations, UpdateOperation};
use uuid::Uuid;

use crate::door::EngineOptions;
use crate::engine::{EngineStatus, Scope, Selection, VectorEngine};
use crate::error::Error;
use crate::keywords::Keywords;
use crate::types::{Hit, Point, Query};
use points::{selection_filter, tenant_filter, write_points};
use shards::{Lease, Shards, blocking, engine_error};

/// The in-process engine.
pub(crate) struct InProcess {
    shards: Shards,
    keywords: Arc<Keywords>,
}

impl InProcess {
    /// Opens the folder, and finishes what a killed process left half removed.
    pub(crate) fn open(options: EngineOptions) -> Result<Self, Error> {
        Ok(Self {
            shards: Shards::open(options.folder, options.open_shards.max(1))?,
            keywords: Arc::new(Keywords::new()?),
        })
    }

    /// Reads from the scope's shard, beside its writer; `None` if there is no such index.
    async fn read<T, F>(&self, scope: Scope, work: F) -> Result<Option<T>, Error>
    where
        T: Send + 'static,
        F: FnOnce(&EdgeShard) -> Result<T, Error> + Send + 'static,
    {
        let Some(lease) = self.shards.lease(scope, None).await? else {
            return Ok(None);
        };
        let done = blocking(move || on_shard(&lease, work)).await;
        self.shards.make_room().await;
        done
    }

    /// Writes to the scope's shard as its only writer and flushes it; `None` if there is no such index.
    async fn write<T, F>(&self, scope: Scope, work: F) -> Result<Option<T>, Error>
    where
        T: Send + 'static,
        F: FnOnce(&EdgeShard) -> Result<T, Error> + Send + 'static,
    {
        let Some(lease) = self.shards.lease(scope, None).await? else {
            return Ok(None);
        };
        let turn = lease.turn_to_write().await;
        let done = blocking(move || {
            let _turn = turn;
            on_shard(&lease, |shard| {
                let done = work(shard)?;
                // It panics when another writer is at work, which the turn excludes, and when the disk refuses.
                shard.flush();
                Ok(done)
            })
        })
        .await;
        self.shards.make_room().await;
        done
    }
}

fn on_shard<T>(lease: &Lease, work: impl FnOnce(&EdgeShard) -> Result<T, Error>) -> Result<Option<T>, Error> {
    lease.shard().map(work).transpose()
}

#[async_trait]
impl VectorEngine for InProcess {
    async fn prepare(&self, scope: Scope, dimensions: usize) -> Result<(), Error> {
        let lease = self.shards.lease(scope, Some(dimensions)).await?;
        let expected = lease.as_ref().and_then(Lease::shard).map_or(dimensions, points::dimensions);
        drop(lease);
        self.shards.make_room().await;
        if expected == dimensions {
            Ok(())
        } else {
            Err(Error::DimensionMismatch { expected, got: dimensions })
        }
    }

    async fn upsert(&self, scope: Scope, points: Vec<Point>) -> Result<(), Error> {
        let keywords = Arc::clone(&self.keywords);
        let written = self.write(scope, move |shard| write_points(shard, scope, &keywords, &points)).await?;
        written.ok_or(Error::NotPrepared { index_id: scope.index_id })
    }

    async fn delete(&self, scope: Scope, selection: Selection) -> Result<(), Error> {
        let filter = selection_filter(scope, selection);
        let operation = UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(filter));
        self.write(scope, move |shard| shard.update(operation).map_err(engine_error)).await?;
        Ok(())
    }

    async fn search(&self, scope: Scope, query: Query) -> Result<Vec<Hit>, Error> {
        let keywords = Arc::clone(&self.keywords);
        let found = self.read(scope, move |shard| query::search(shard, scope, &keywords, &query)).await?;
        Ok(found.unwrap_or_default())
    }

    async fn count(&self, scope: Scope) -> Result<u64, Error> {
        let request = CountRequest { filter: Some(tenant_filter(scope)), exact: true };
        let counted = self.read(scope, move |shard| shard.count(request).map_err(engine_error)).await?;
        Ok(u64::try_from(counted.unwrap_or_default()).unwrap_or(u64::MAX))
    }

    async fn optimize(&self, scope: Scope) -> Result<bool, Error> {
        let optimized =
            self.write(scope, |shard| shard.optimize().map_err(engine_error)).await?.unwrap_or_default();
        if optimized {
            // Opened again, it drops the log of all that is now in its segments.
            self.shards.close_if_idle(scope).await?;
        }
        Ok(optimized)
    }

    async fn count_workspace(&self, workspace_id: Uuid) -> Result<u64, Error> {
        let (indexes, mut count) = self.shards.contents(workspace_id).await?;
        for index_id in indexes {
            count += 1 + self.count(Scope { workspace_id, index_id }).await?;
        }
        Ok(count)
    }

    async fn remove_workspace(&self, workspace_id: Uuid) -> Result<(), Error> {
        self.shards.remove_workspace(workspace_id).await
    }

    async fn flush_all(&self) -> Result<(), Error> {
        if !self.status().ready {
            return Err(Error::Unavailable);
        }
        for scope in self.shards.open_scopes() {
            self.write(scope, |_| Ok(())).await?;
        }
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        self.shards.close().await
    }

    async fn check(&self) -> Result<(), Error> {
        if self.shards.is_closed() { Err(Error::Unavailable) } else { Ok(()) }
    }

    fn status(&self) -> EngineStatus {
        EngineStatus {
            engine: "qdrant-edge",
            ready: !self.shards.is_closed(),
            open_shards: self.shards.open_scopes().len(),
            open_shards_limit: self.shards.limit(),
        }
    }
}
