//! When API keys were last used: noted in memory where a key comes in, written by a task of its own.
//!
//! A request never waits for it and a snapshot is never written in. A key is noted at most once a minute, by each process and, because the
//! door looks again, by all of them together. What is noted and not written when a process ends is lost: the next use is noted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entity::id::{ApiKeyId, WorkspaceId};
use tokio::sync::Notify;
use uuid::Uuid;

use super::Database;
use crate::error::Result;

/// How long a process keeps quiet about a key; more than the minute of the door, which counts from when the use was written.
const QUIET: Duration = Duration::from_secs(65);
/// How long uses are gathered before the next are written.
const GATHERING: Duration = Duration::from_secs(1);
/// How many keys one process keeps in mind; uses of more within a minute are not noted.
const MOST_KEYS: usize = 10_000;

/// The uses that one process has seen.
#[derive(Clone, Default)]
pub(super) struct KeyUses(Arc<Shared>);

#[derive(Default)]
struct Shared {
    uses: Mutex<Uses>,
    some: Notify,
}

#[derive(Default)]
struct Uses {
    noted: HashMap<ApiKeyId, Instant>,
    /// What is to be written.
    pending: HashMap<ApiKeyId, WorkspaceId>,
}

impl KeyUses {
    /// Notes that a key was used now.
    pub(super) fn note(&self, workspace: WorkspaceId, key: ApiKeyId) {
        let mut uses = self.lock();
        if uses.noted.get(&key).is_some_and(|since| since.elapsed() < QUIET) {
            return;
        }
        if uses.noted.len() >= MOST_KEYS {
            uses.noted.retain(|_, since| since.elapsed() < QUIET);
        }
        if uses.noted.len() < MOST_KEYS {
            uses.noted.insert(key, Instant::now());
            uses.pending.insert(key, workspace);
            drop(uses);
            self.0.some.notify_one();
        }
    }

    fn take(&self) -> HashMap<ApiKeyId, WorkspaceId> {
        std::mem::take(&mut self.lock().pending)
    }

    /// Makes the next use of these keys count again.
    fn forget(&self, keys: &HashMap<ApiKeyId, WorkspaceId>) {
        self.lock().noted.retain(|key, _| !keys.contains_key(key));
    }

    fn lock(&self) -> MutexGuard<'_, Uses> {
        self.0.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database {
    /// Writes when API keys were used that came in through this pool, for as long as it is polled.
    pub async fn write_key_uses(self) {
        let noted = self.terms.key_uses.clone();
        loop {
            noted.0.some.notified().await;
            let keys = noted.take();
            if let Err(error) = self.write(&keys).await {
                tracing::warn!(error.code = error.code(), "when API keys were used could not be noted");
                noted.forget(&keys);
            }
            tokio::time::sleep(GATHERING).await;
        }
    }

    async fn write(&self, keys: &HashMap<ApiKeyId, WorkspaceId>) -> Result<()> {
        let (keys, workspaces): (Vec<Uuid>, Vec<Uuid>) = keys.iter().map(|(key, at)| (key.0, at.0)).unzip();
        // Uses: api_keys_pkey.
        let note = sqlx::query("select app.note_key_uses($1, $2)").bind(workspaces).bind(keys);
        self.ask_with(note).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKeyId, KeyUses, MOST_KEYS, WorkspaceId};

    #[test]
    fn a_key_is_written_once_however_often_it_is_used_until_it_is_forgotten() {
        let (uses, workspace, key) = (KeyUses::default(), WorkspaceId::new(), ApiKeyId::new());
        for _ in 0..100 {
            uses.note(workspace, key);
        }
        let taken = uses.take();
        assert_eq!(taken.into_iter().collect::<Vec<_>>(), [(key, workspace)]);
        uses.note(workspace, key);
        assert!(uses.take().is_empty());
        uses.forget(&[(key, workspace)].into());
        uses.note(workspace, key);
        assert_eq!(uses.take().len(), 1);
    }

    #[test]
    fn a_flood_of_keys_takes_a_bounded_place() {
        let uses = KeyUses::default();
        for _ in 0..MOST_KEYS + 10 {
            uses.note(WorkspaceId::new(), ApiKeyId::new());
        }
        assert_eq!(uses.take().len(), MOST_KEYS);
        assert_eq!(uses.lock().noted.len(), MOST_KEYS);
    }
}
