//! What a Qdrant engine has to do, whether it runs in-process or as a server.
//!
//! The trait is private: only the door calls it, and only the door makes a [`Scope`], so no call can leave its
//! tenant out. Inputs have passed [`crate::limits`]. An index that was never prepared is empty for reading and
//! deleting; only writing to it is an error. A future dropped half way leaves its call to finish by itself, or undone: the
//! same call again makes it whole.

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::Error;
use crate::types::{Hit, Point, Query};

/// One index of one workspace: what every call is confined to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) workspace_id: Uuid,
    pub(crate) index_id: Uuid,
}

/// Which points of a scope to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// These points.
    Points(Vec<Uuid>),
    /// All points of a document.
    Document(Uuid),
    /// All points of these versions of a document.
    Versions { document_id: Uuid, versions: Vec<Uuid> },
}

/// What an engine says about itself, for readiness and operators.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineStatus {
    /// Which engine it is.
    pub engine: &'static str,
    /// Whether it takes calls.
    pub ready: bool,
    /// How many shards are open now.
    pub open_shards: usize,
    /// How many shards stay open at most while none is busy.
    pub open_shards_limit: usize,
}

/// An engine behind the door.
#[async_trait]
pub(crate) trait VectorEngine: Send + Sync + 'static {
    /// Makes the index, or checks that it has this dimension.
    async fn prepare(&self, scope: Scope, dimensions: usize) -> Result<(), Error>;
    /// Writes points durably, replacing those with the same ids.
    async fn upsert(&self, scope: Scope, points: Vec<Point>) -> Result<(), Error>;
    /// Deletes points durably.
    async fn delete(&self, scope: Scope, selection: Selection) -> Result<(), Error>;
    /// Finds points, best first.
    async fn search(&self, scope: Scope, query: Query) -> Result<Vec<Hit>, Error>;
    /// Counts the points exactly.
    async fn count(&self, scope: Scope) -> Result<u64, Error>;
    /// Rebuilds what has grown too large to scan, and says whether there was anything.
    async fn optimize(&self, scope: Scope) -> Result<bool, Error>;
    /// Counts all points and indexes of a workspace, what is half removed among them.
    async fn count_workspace(&self, workspace_id: Uuid) -> Result<u64, Error>;
    /// Removes all indexes of a workspace.
    async fn remove_workspace(&self, workspace_id: Uuid) -> Result<(), Error>;
    /// Writes everything to disk.
    async fn flush_all(&self) -> Result<(), Error>;
    /// Waits for the calls in progress and refuses further ones.
    async fn close(&self) -> Result<(), Error>;
    /// Asks whether the engine takes calls, for 2 seconds at most.
    async fn check(&self) -> Result<(), Error>;
    /// Says how the engine is, or was when it was last asked.
    fn status(&self) -> EngineStatus;
}
