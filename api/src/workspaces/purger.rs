//! The purge of workspaces whose time has come: from the vector store, the object store and PostgreSQL, and the proof that nothing is left.
//!
//! Each step may be done again, so a purge whose worker is killed anywhere is finished by the next one. The order: since the deletion was
//! asked for, nothing of the workspace is written or run; its vectors go, its objects, its rows in batches with the workspace last; then both
//! stores are emptied once more, of what had begun before and only ended now; then everything is counted. What is left fails the attempt.
//! Where nothing is, the same look follows once more, later than the longest attempt of any job. A purge is never given up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::adapters::objects::TenantObjects;
use crate::app::App;
use crate::error::Error;
use crate::supervisor;
use crate::tenancy::{ClaimedPurge, Kept, PurgeEnd, Purges, Wake};
use crate::worker::backoff_ms;
use footnote_vectors::TenantVectors;

const LEASE_MS: i32 = 30_000;
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How long a lost wake-up, or none, delays a purge.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// Rows of one transaction.
const BATCH: i32 = 2_000;

/// One process's share of the purges: one at a time.
#[derive(Clone)]
pub struct Purger {
    app: Arc<App>,
    purges: Purges,
}

/// Why an attempt failed: a sentence without a store's words, which are in the log.
struct Failure(String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        error.log("purge");
        Self(error.message())
    }
}

impl From<footnote_vectors::Error> for Failure {
    fn from(error: footnote_vectors::Error) -> Self {
        tracing::warn!(exception.message = ?error, "the vector index failed");
        Self("The vector store cannot be emptied now.".to_owned())
    }
}

impl From<crate::adapters::objects::ObjectError> for Failure {
    fn from(error: crate::adapters::objects::ObjectError) -> Self {
        tracing::warn!(exception.message = %error, "the object store failed");
        Self("The object store cannot be emptied now.".to_owned())
    }
}

impl Purger {
    /// Of this application.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        let purges = app.lane().purges();
        Self { app, purges }
    }

    /// Carries purges out until `stop` turns true. One that is under way then is left to whoever claims it when its lease ends.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut wakes = self.app.database().wakes().subscribe();
        while !*stop.borrow() {
            match self.purges.claim(LEASE_MS).await {
                Ok(Some(purge)) => {
                    let purger = self.clone();
                    // A task of its own: a panic ends the attempt, and not the purges of this process.
                    let attempt = async move { purger.attempt(&purge).await };
                    let mut attempt = supervisor::spawn("purge", attempt).abort_on_drop();
                    tokio::select! {
                        _ = attempt.join() => {}
                        _ = stop.changed() => {}
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error.code = error.code(), "purges could not be claimed; trying again");
                    error.log("purge");
                }
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = wait_for_purges(&mut wakes) => {}
                () = tokio::time::sleep(POLL_EVERY) => {}
            }
        }
    }

    /// One attempt at a purge, recorded however it ends.
    async fn attempt(&self, purge: &ClaimedPurge) {
        let outcome = tokio::select! {
            outcome = self.remove(purge) => outcome,
            () = self.keep_lease(purge) => {
                tracing::warn!(purge.id = %purge.id, "the lease of a purge was lost; whoever has it goes on");
                return;
            }
        };
        let failure = match outcome {
            Ok(PurgeEnd::Done) => {
                tracing::info!(purge.id = %purge.id, workspace.id = %purge.workspace_id, "a workspace was purged; nothing of it is left");
                return;
            }
            Ok(PurgeEnd::Settling) => {
                tracing::info!(purge.id = %purge.id, workspace.id = %purge.workspace_id, "a workspace was removed from every store");
                return;
            }
            Ok(PurgeEnd::Remaining) => {
                Failure("Something was left after everything had been removed.".to_owned())
            }
            Err(failure) => failure,
        };
        let pause = backoff_ms(purge.attempt, rand::random());
        tracing::error!(purge.id = %purge.id, workspace.id = %purge.workspace_id, purge.attempt, reason = failure.0, "a purge failed; it is tried again");
        if let Err(error) = self.purges.failed(purge, &failure.0, pause).await {
            // The lease ends by itself, and the purge is tried again.
            tracing::warn!(purge.id = %purge.id, error.code = error.code(), "the failure of a purge could not be recorded");
            error.log("purge");
        }
    }

    async fn remove(&self, purge: &ClaimedPurge) -> Result<PurgeEnd, Failure> {
        let vectors = self.app.vectors().for_workspace(purge.workspace_id.0);
        let objects = self.app.objects().for_workspace(purge.workspace_id);
        if !self.purges.renew(purge, LEASE_MS, Some(found(&vectors, &objects).await)).await? {
            return Err(Failure("The lease was lost to another worker.".to_owned()));
        }
        empty(&vectors, &objects).await?;
        while !self.purges.remove_rows(purge, BATCH, LEASE_MS).await? {}
        empty(&vectors, &objects).await?;
        let remaining = Kept { vectors: vectors.count_all().await?, objects: objects.count().await? };
        Ok(self.purges.finish(purge, remaining, self.app.workspaces().settle()).await?)
    }

    /// Renews until the lease is lost.
    async fn keep_lease(&self, purge: &ClaimedPurge) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.purges.renew(purge, LEASE_MS, None).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error.code = error.code(), "a lease could not be renewed; trying again");
                }
            }
        }
    }
}

/// What the stores hold before they are emptied. What cannot be counted, a damaged index, is removed all the same.
async fn found(vectors: &TenantVectors, objects: &TenantObjects) -> Kept {
    let vectors = vectors.count_all().await.unwrap_or_else(|error| {
        tracing::warn!(exception.message = ?error, "vectors could not be counted before their removal");
        0
    });
    let objects = objects.count().await.unwrap_or_else(|error| {
        tracing::warn!(exception.message = %error, "objects could not be counted before their removal");
        0
    });
    Kept { vectors, objects }
}

async fn empty(vectors: &TenantVectors, objects: &TenantObjects) -> Result<(), Failure> {
    vectors.remove_all().await?;
    objects.purge().await?;
    Ok(())
}

async fn wait_for_purges(wakes: &mut Receiver<Wake>) {
    loop {
        match wakes.recv().await {
            Ok(Wake::Purges) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
