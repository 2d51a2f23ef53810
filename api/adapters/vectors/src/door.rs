//! The door: an engine, and the workspace that every call is confined to.
//!
//! [`Vectors`] holds the engine and can do nothing with points; [`TenantVectors`] can, and holds the one workspace
//! that it was made for. There is no call that takes a workspace, and none that leaves it out.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use crate::engine::{EngineStatus, Scope, Selection, VectorEngine};
use crate::error::Error;
use crate::in_process::InProcess;
use crate::limits::{check_dimensions, check_ids, check_points, check_query};
use crate::server::{Server, ServerOptions};
use crate::types::{Hit, Point, Query};

/// Settings of the in-process engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The folder that holds everything, made if missing; one process uses it at a time.
    pub folder: PathBuf,
    /// How many shards stay open at most while none is busy, at least 1.
    pub open_shards: usize,
}

impl EngineOptions {
    /// Settings for a folder, with 64 open shards.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), open_shards: 64 }
    }
}

/// The vector store, built once at start and cheap to clone.
#[derive(Clone)]
pub struct Vectors {
    engine: Arc<dyn VectorEngine>,
}

impl Vectors {
    /// Opens Qdrant's engine in this process.
    ///
    /// # Errors
    /// [`Error::Engine`] when the folder cannot be made or read.
    pub fn in_process(options: EngineOptions) -> Result<Self, Error> {
        Ok(Self { engine: Arc::new(InProcess::open(options)?) })
    }

    /// Uses a Qdrant server over gRPC; connects with the first call, so the server may be away.
    ///
    /// # Errors
    /// [`Error::BadAddress`] when the address or the key is none, [`Error::Engine`].
    pub fn server(options: ServerOptions) -> Result<Self, Error> {
        Ok(Self { engine: Arc::new(Server::new(options)?) })
    }

    /// Gives the door of one workspace: the only way to points.
    #[must_use]
    pub fn for_workspace(&self, workspace_id: Uuid) -> TenantVectors {
        TenantVectors { engine: Arc::clone(&self.engine), workspace_id }
    }

    /// Asks whether the engine takes calls, for 2 seconds at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not.
    pub async fn check(&self) -> Result<(), Error> {
        self.engine.check().await
    }

    /// Says how the engine is, or was when it was last asked, without waiting.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        self.engine.status()
    }

    /// Writes everything to disk (what was acknowledged is there, or with the server, already).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when closed, [`Error::Engine`] when the engine fails.
    pub async fn flush_all(&self) -> Result<(), Error> {
        self.engine.flush_all().await
    }

    /// Waits for the calls in progress, closes all shards and refuses further calls with [`Error::Unavailable`].
    ///
    /// # Errors
    /// [`Error::Engine`] when a shard could not be closed; the others are closed nevertheless.
    pub async fn close(&self) -> Result<(), Error> {
        self.engine.close().await
    }
}

impl fmt::Debug for Vectors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Vectors").field(&self.status()).finish()
    }
}

/// The vector store as one workspace sees it; cheap to clone.
///
/// Every call may fail with [`Error::Unavailable`] (closed) and [`Error::Engine`]; other errors are named at the call.
/// A call whose future is dropped still finishes, or on a server may not have happened: the same call again makes it
/// whole.
#[derive(Clone)]
pub struct TenantVectors {
    engine: Arc<dyn VectorEngine>,
    workspace_id: Uuid,
}

impl TenantVectors {
    /// The workspace that this door is confined to.
    #[must_use]
    pub fn workspace_id(&self) -> Uuid {
        self.workspace_id
    }

    /// Makes an index for vectors of `dimensions` numbers (1 to 65536); does nothing if it is there.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`] when the index has another dimension, [`Error::BadQuery`] for an impossible one.
    pub async fn prepare(&self, index_id: Uuid, dimensions: usize) -> Result<(), Error> {
        check_dimensions(dimensions)?;
        self.engine.prepare(self.scope(index_id), dimensions).await
    }

    /// Writes at most 10,000 points, replacing those with the same ids; they are on disk when it returns.
    ///
    /// In-process a call waits once for the disk (about 8 ms), however many points it has: give it 64 or more at a time. Of a
    /// failed call a part may be written; the same call again makes it whole.
    ///
    /// # Errors
    /// [`Error::ForeignPoint`], [`Error::DimensionMismatch`] and [`Error::BadQuery`] before anything is written;
    /// [`Error::NotPrepared`] when there is no such index.
    pub async fn upsert(&self, index_id: Uuid, points: Vec<Point>) -> Result<(), Error> {
        if let Some(point) = points.iter().find(|point| point.workspace_id != self.workspace_id) {
            return Err(Error::ForeignPoint { point_id: point.id });
        }
        check_points(&points)?;
        self.engine.upsert(self.scope(index_id), points).await
    }

    /// Deletes at most 10,000 points by id; unknown ones do not matter.
    ///
    /// # Errors
    /// [`Error::BadQuery`] for too many ids.
    pub async fn delete_points(&self, index_id: Uuid, point_ids: &[Uuid]) -> Result<(), Error> {
        check_ids(point_ids)?;
        self.delete(index_id, Selection::Points(point_ids.to_vec())).await
    }

    /// Deletes all points of a document.
    ///
    /// # Errors
    /// None but those of every call.
    pub async fn delete_document(&self, index_id: Uuid, document_id: Uuid) -> Result<(), Error> {
        self.delete(index_id, Selection::Document(document_id)).await
    }

    /// Deletes all points of these versions of a document (at most 10,000). There is no "all but": a version that is on
    /// its way in would be among the others.
    ///
    /// # Errors
    /// [`Error::BadQuery`] for too many versions.
    pub async fn delete_versions(
        &self,
        index_id: Uuid,
        document_id: Uuid,
        versions: &[Uuid],
    ) -> Result<(), Error> {
        check_ids(versions)?;
        if versions.is_empty() {
            return Ok(());
        }
        let versions = versions.to_vec();
        self.delete(index_id, Selection::Versions { document_id, versions }).await
    }

    /// Finds the points that answer a query best, best first; none in an index that does not exist.
    ///
    /// # Errors
    /// [`Error::BadQuery`] for a query beyond the limits or a semantic one without a vector,
    /// [`Error::DimensionMismatch`] for a vector of another dimension.
    pub async fn search(&self, index_id: Uuid, query: &Query) -> Result<Vec<Hit>, Error> {
        check_query(query)?;
        self.engine.search(self.scope(index_id), query.clone()).await
    }

    /// Counts the workspace's points in an index exactly; 0 in one that does not exist.
    ///
    /// # Errors
    /// None but those of every call.
    pub async fn count(&self, index_id: Uuid) -> Result<u64, Error> {
        self.engine.count(self.scope(index_id)).await
    }

    /// Rebuilds what has grown too large to scan, and says whether there was anything to do.
    ///
    /// It is for the end of an ingestion, after each some 1,000 new points: below 10 MB of new vectors (10,000 of 256
    /// dimensions) it returns at once, since a scan of 2,000 points takes 0.2 ms. Beyond, it takes seconds (7 s for
    /// 20,000 in a debug build), in which searches go on and writes to this index wait.
    ///
    /// # Errors
    /// None but those of every call.
    pub async fn optimize(&self, index_id: Uuid) -> Result<bool, Error> {
        self.engine.optimize(self.scope(index_id)).await
    }

    /// Counts everything that is kept of the workspace: the points of all its indexes, and the indexes themselves. Zero is the proof of
    /// its purge.
    ///
    /// # Errors
    /// None but those of every call.
    pub async fn count_all(&self) -> Result<u64, Error> {
        self.engine.count_workspace(self.workspace_id).await
    }

    /// Removes all indexes of the workspace, for its purge; later calls find nothing.
    ///
    /// # Errors
    /// None but those of every call; after a failure the same call again finishes the work.
    pub async fn remove_all(&self) -> Result<(), Error> {
        self.engine.remove_workspace(self.workspace_id).await
    }

    /// Writes one point into this workspace's index **without** asking whose it is: for isolation tests only, which
    /// need a foreign point, or one that leads to a foreign chunk, inside to prove that it is not returned.
    ///
    /// # Errors
    /// As [`Self::upsert`], but for [`Error::ForeignPoint`].
    #[doc(hidden)]
    pub async fn plant_for_isolation_test(&self, index_id: Uuid, point: Point) -> Result<(), Error> {
        let points = vec![point];
        check_points(&points)?;
        self.engine.upsert(self.scope(index_id), points).await
    }

    async fn delete(&self, index_id: Uuid, selection: Selection) -> Result<(), Error> {
        self.engine.delete(self.scope(index_id), selection).await
    }

    fn scope(&self, index_id: Uuid) -> Scope {
        Scope { workspace_id: self.workspace_id, index_id }
    }
}

impl fmt::Debug for TenantVectors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TenantVectors")
            .field("workspace_id", &self.workspace_id)
            .finish_non_exhaustive()
    }
}
