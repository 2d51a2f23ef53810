//! The worker's doors to the job lane: claim, renew, give back, reap. They set no context; a job's own does.

use entity::id::{JobId, WorkspaceId};
use sqlx::Row;
use uuid::Uuid;

use super::{Access, Database, Operation, Origin, Outbox};
use crate::error::Result;

/// A job under a lease of this process.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The job.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// What it is done to.
    pub subject_id: Uuid,
    /// This attempt's number, from 1.
    pub attempt: i32,
    /// After so many failures it is dead.
    pub max_attempts: i32,
    /// The proof of the claim.
    pub lease_token: Uuid,
    /// The request at the root of it.
    pub correlation_id: String,
}

/// The job lane, as a worker sees it.
#[derive(Clone)]
pub struct Lane(Database);

impl Lane {
    /// The lane of a database to which `footnote_worker` is connected.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The mails that wait to be sent, through the same connections.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        Outbox::new(self.0.clone())
    }

    /// Leases up to `limit` runnable jobs of these kinds, workspaces in turn.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn claim(
        &self,
        worker: &str,
        kinds: &[&str],
        limit: i32,
        lease_ms: i32,
    ) -> Result<Vec<ClaimedJob>> {
        // Claim: jobs_runnable, through queue_heads_due.
        let rows = sqlx::query("select * from app.claim_jobs($1, $2, $3, $4)")
            .bind(worker)
            .bind(kinds)
            .bind(limit)
            .bind(lease_ms)
            .fetch_all(self.0.pool())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ClaimedJob {
                    workspace_id: WorkspaceId(row.try_get("workspace_id")?),
                    id: JobId(row.try_get("id")?),
                    kind: row.try_get("kind")?,
                    subject_id: row.try_get("subject_id")?,
                    attempt: row.try_get("attempts")?,
                    max_attempts: row.try_get("max_attempts")?,
                    lease_token: row.try_get("lease_token")?,
                    correlation_id: row.try_get("correlation_id")?,
                })
            })
            .collect()
    }

    /// Keeps a lease alive; false when it was lost.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn renew(&self, job: &ClaimedJob, lease_ms: i32) -> Result<bool> {
        let row = sqlx::query("select app.renew_job($1, $2, $3, $4) as held")
            .bind(job.workspace_id.0)
            .bind(job.id.0)
            .bind(job.lease_token)
            .bind(lease_ms)
            .fetch_one(self.0.pool())
            .await?;
        Ok(row.try_get("held")?)
    }

    /// Takes back jobs whose lease has expired; how many.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn reap(&self) -> Result<i32> {
        let row = sqlx::query("select app.reap_jobs() as reaped").fetch_one(self.0.pool()).await?;
        Ok(row.try_get("reaped")?)
    }

    /// Begins an operation in the job's workspace with its starter's current permissions.
    ///
    /// # Errors
    ///
    /// CONFLICT when the lease was lost, UNAVAILABLE.
    pub async fn operation(&self, job: &ClaimedJob) -> Result<Operation> {
        let origin = Origin::Job { workspace: job.workspace_id, job: job.id, lease_token: job.lease_token };
        self.0.operation(origin, Access::ReadWrite).await
    }
}
