//! Which shards are open, and who may do what with them.
//!
//! A shard is opened by one task at a time and never twice; a lease keeps it open and its workspace unremoved. When
//! more than the limit are open, the idle one used longest ago is closed; a busy one never is. Locks are taken in the
//! order workspace, shard, turn to write; whoever opens a shard only tries others' locks, so nobody waits in a circle.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use qdrant_edge::{EdgeShard, OperationError};
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use uuid::Uuid;

use super::folders;
use crate::engine::Scope;
use crate::error::Error;

/// A scope's shard while it is open.
type Cell = Option<EdgeShard>;

#[derive(Clone, Default)]
struct Slot {
    cell: Arc<RwLock<Cell>>,
    writes: Arc<tokio::sync::Mutex<()>>,
    open: Arc<AtomicBool>,
}

#[derive(Default)]
struct Table {
    slots: HashMap<Scope, (Slot, u64)>,
    gates: HashMap<Uuid, Arc<RwLock<()>>>,
    uses: u64,
}

/// An open shard that stays open, and its workspace unremoved, for as long as this is held.
pub(super) struct Lease {
    cell: OwnedRwLockReadGuard<Cell>,
    writes: Arc<tokio::sync::Mutex<()>>,
    _gate: OwnedRwLockReadGuard<()>,
}

impl Lease {
    /// The shard, which is there in every lease that was given out.
    pub(super) fn shard(&self) -> Option<&EdgeShard> {
        self.cell.as_ref()
    }

    /// Waits for the turn to write.
    pub(super) async fn turn_to_write(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.writes).lock_owned().await
    }
}

/// Counts a shard as open while it is being opened, and no longer if that came to nothing.
struct Opening(Option<Arc<AtomicBool>>);

impl Opening {
    fn begin(open: &Arc<AtomicBool>) -> Self {
        open.store(true, Ordering::SeqCst);
        Self(Some(Arc::clone(open)))
    }

    fn succeed(mut self) {
        self.0 = None;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(open) = &self.0 {
            open.store(false, Ordering::SeqCst);
        }
    }
}

/// All shards of the process.
pub(super) struct Shards {
    root: PathBuf,
    limit: usize,
    closed: AtomicBool,
    table: Mutex<Table>,
}

impl Shards {
    /// Makes the root folder.
    pub(super) fn open(root: PathBuf, limit: usize) -> Result<Self, Error> {
        folders::make_root(&root)?;
        Ok(Self { root, limit, closed: AtomicBool::new(false), table: Mutex::default() })
    }

    /// How many shards stay open while none is busy.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether further leases are refused.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// The scopes whose shards are open.
    pub(super) fn open_scopes(&self) -> Vec<Scope> {
        let table = self.table();
        let open = table.slots.iter().filter(|(_, (slot, _))| slot.open.load(Ordering::SeqCst));
        open.map(|(scope, _)| *scope).collect()
    }

    /// Leases the scope's shard, opening it if need be; if there is none, makes it with the dimension in `create`, or
    /// gives `None`.
    pub(super) async fn lease(&self, scope: Scope, create: Option<usize>) -> Result<Option<Lease>, Error> {
        let gate = self.gate(scope.workspace_id).read_owned().await;
        let slot = self.slot(scope);
        let mut cell = Arc::clone(&slot.cell).read_owned().await;
        if cell.is_none() {
            drop(cell);
            let mut closed = Arc::clone(&slot.cell).write_owned().await;
            if !self.is_closed() && closed.is_none() {
                let opening = Opening::begin(&slot.open);
                self.make_room().await;
                let root = self.root.clone();
                closed = blocking(move || {
                    *closed = folders::open_shard(&root, scope, create)?;
                    if closed.is_some() {
                        opening.succeed();
                    }
                    Ok(closed)
                })
                .await?;
            }
            cell = closed.downgrade();
        }
        if self.is_closed() {
            return Err(Error::Unavailable);
        }
        if cell.is_none() {
            drop((cell, slot));
            self.forget_unused();
            return Ok(None);
        }
        Ok(Some(Lease { cell, writes: slot.writes, _gate: gate }))
    }

    /// Closes the scope's shard unless somebody uses it.
    pub(super) async fn close_if_idle(&self, scope: Scope) -> Result<(), Error> {
        let slot = self.slot(scope);
        match Arc::clone(&slot.cell).try_write_owned() {
            Ok(cell) => self.close_cell(slot, cell).await,
            Err(_) => Ok(()),
        }
    }

    /// The indexes of a workspace on the disk, and how many other entries its folders have.
    pub(super) async fn contents(&self, workspace_id: Uuid) -> Result<(Vec<Uuid>, u64), Error> {
        let root = self.root.clone();
        blocking(move || folders::contents(&root, workspace_id)).await
    }

    /// Removes the workspace's folder, after the calls that are at work in it.
    pub(super) async fn remove_workspace(&self, workspace_id: Uuid) -> Result<(), Error> {
        let gate = self.gate(workspace_id).write_owned().await;
        if self.is_closed() {
            return Err(Error::Unavailable);
        }
        let mut cells = Vec::new();
        for scope in self.scopes(|scope| scope.workspace_id == workspace_id) {
            let slot = self.slot(scope);
            cells.push((Arc::clone(&slot.cell).write_owned().await, slot));
        }
        let root = self.root.clone();
        let removed = blocking(move || {
            let _gate = gate;
            for (mut cell, slot) in cells {
                drop(cell.take());
                slot.open.store(false, Ordering::SeqCst);
            }
            folders::remove_workspace(&root, workspace_id)
        })
        .await;
        self.forget_unused();
        removed
    }

    /// Refuses further leases, waits for those that are held and closes all shards.
    pub(super) async fn close(&self) -> Result<(), Error> {
        self.closed.store(true, Ordering::SeqCst);
        let mut result = Ok(());
        for scope in self.scopes(|_| true) {
            let slot = self.slot(scope);
            let cell = Arc::clone(&slot.cell).write_owned().await;
            result = result.and(self.close_cell(slot, cell).await);
        }
        result
    }

    /// Closes the idle shards used longest ago until no more than the limit are open, or none is idle.
    ///
    /// It is called before a shard is opened, and after each call, since what was busy before may be idle now.
    pub(super) async fn make_room(&self) {
        while let Some((slot, cell)) = self.least_recently_used() {
            if let Err(error) = self.close_cell(slot, cell).await {
                // It is another scope's shard: this call goes on.
                tracing::error!(?error, "an idle shard could not be closed cleanly");
            }
        }
    }

    fn least_recently_used(&self) -> Option<(Slot, OwnedRwLockWriteGuard<Cell>)> {
        let table = self.table();
        let open = table.slots.iter().filter(|(_, (slot, _))| slot.open.load(Ordering::SeqCst));
        let mut open: Vec<_> = open.map(|(_, (slot, used))| (*used, slot)).collect();
        if open.len() <= self.limit {
            return None;
        }
        open.sort_unstable_by_key(|(used, _)| *used);
        open.into_iter().find_map(|(_, slot)| {
            let cell = Arc::clone(&slot.cell).try_write_owned().ok()?;
            cell.is_some().then(|| (slot.clone(), cell))
        })
    }

    async fn close_cell(&self, slot: Slot, mut cell: OwnedRwLockWriteGuard<Cell>) -> Result<(), Error> {
        let closed = blocking(move || {
            slot.open.store(false, Ordering::SeqCst);
            // Dropping it flushes.
            drop(cell.take());
            Ok(())
        })
        .await;
        self.forget_unused();
        closed
    }

    fn slot(&self, scope: Scope) -> Slot {
        let mut table = self.table();
        table.uses += 1;
        let now = table.uses;
        let (slot, used) = table.slots.entry(scope).or_default();
        *used = now;
        slot.clone()
    }

    fn gate(&self, workspace_id: Uuid) -> Arc<RwLock<()>> {
        Arc::clone(self.table().gates.entry(workspace_id).or_default())
    }

    fn scopes(&self, which: impl Fn(&Scope) -> bool) -> Vec<Scope> {
        self.table().slots.keys().filter(|scope| which(scope)).copied().collect()
    }

    /// Forgets the locks that nobody holds or waits for, so that the table stays as small as what is in use.
    fn forget_unused(&self) {
        let mut table = self.table();
        table
            .slots
            .retain(|_, (slot, _)| slot.open.load(Ordering::SeqCst) || Arc::strong_count(&slot.cell) > 1);
        table.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs what blocks on the pool for it; a panic of the engine becomes an error.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(Error::Engine(format!("the engine panicked: {error}"))),
        Err(_) => Err(Error::Unavailable),
    }
}

/// What the engine's errors become.
pub(super) fn engine_error(error: OperationError) -> Error {
    match error {
        OperationError::WrongVectorDimension { expected_dim, received_dim } => {
            Error::DimensionMismatch { expected: expected_dim, got: received_dim }
        }
        other => Error::Engine(other.to_string()),
    }
}
