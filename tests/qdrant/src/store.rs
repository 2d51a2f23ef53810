//! The collections: each a shard of the engine in a folder of its own, and what it was made with.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use qdrant_client::qdrant::{CollectionConfig, CreateCollection, PayloadSchemaInfo};
use qdrant_edge::{EdgeShard, UpdateOperation};
use tempfile::TempDir;
use tonic::Status;

use crate::refusal::{engine, malformed, no_collection};
use crate::statistics::Statistics;
use crate::vectors;

type Translated<T> = Result<T, Status>;

/// A collection.
pub(crate) struct Collection {
    pub(crate) shard: EdgeShard,
    pub(crate) config: CollectionConfig,
    pub(crate) statistics: Statistics,
    schema: Mutex<HashMap<String, PayloadSchemaInfo>>,
    writes: Mutex<()>,
    generation: AtomicU64,
}

impl Collection {
    /// Changes the shard; one change after the other.
    pub(crate) fn update(&self, operation: UpdateOperation) -> Translated<()> {
        let _turn = lock(&self.writes);
        let done = self.shard.update(operation).map_err(|error| engine(&error));
        self.generation.fetch_add(1, Ordering::SeqCst);
        done
    }

    /// A number that is another one after each change.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// The payload indexes.
    pub(crate) fn schema(&self) -> MutexGuard<'_, HashMap<String, PayloadSchemaInfo>> {
        lock(&self.schema)
    }
}

/// All collections.
pub(crate) struct Store {
    collections: RwLock<HashMap<String, Arc<Collection>>>,
    made: AtomicU64,
    delay_ms: AtomicU64,
    // Last, because fields drop in this order: a shard is flushed into it when it is dropped.
    folder: TempDir,
}

impl Store {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            made: AtomicU64::new(0),
            collections: RwLock::default(),
            delay_ms: AtomicU64::new(0),
        })
    }

    /// From now on every call waits for so long.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Waits for as long as every call does.
    pub(crate) async fn pace(&self) {
        let delay = self.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
    }

    /// Makes a collection.
    pub(crate) fn create(&self, request: CreateCollection) -> Translated<()> {
        let mut collections = self.collections.write().unwrap_or_else(PoisonError::into_inner);
        let name = request.collection_name.clone();
        if name.is_empty() {
            return Err(malformed("a collection without name"));
        }
        if collections.contains_key(&name) {
            return Err(Status::already_exists(format!("Wrong input: Collection `{name}` already exists!")));
        }
        let (config, edge) = vectors::config(request)?;
        // Names are the client's: a folder has a number.
        let folder = self.folder.path().join(self.made.fetch_add(1, Ordering::SeqCst).to_string());
        std::fs::create_dir_all(&folder)
            .map_err(|error| Status::internal(format!("a folder could not be made: {error}")))?;
        let shard = EdgeShard::new(&folder, edge).map_err(|error| engine(&error))?;
        let collection = Collection {
            shard,
            config,
            statistics: Statistics::default(),
            schema: Mutex::default(),
            writes: Mutex::default(),
            generation: AtomicU64::new(0),
        };
        collections.insert(name, Arc::new(collection));
        Ok(())
    }

    /// A collection by its name.
    pub(crate) fn get(&self, name: &str) -> Translated<Arc<Collection>> {
        let collections = self.collections.read().unwrap_or_else(PoisonError::into_inner);
        collections.get(name).cloned().ok_or_else(|| no_collection(name))
    }

    /// Removes a collection; whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        self.collections.write().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }

    /// The names of all collections.
    pub(crate) fn names(&self) -> Vec<String> {
        self.collections.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

/// Runs what blocks on the pool for it; a panic of the engine becomes an error.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, Status>
where
    T: Send + 'static,
    F: FnOnce() -> Translated<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Status::internal(format!("the engine panicked: {error}"))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
