//! The worker's doors to the job lane: claim, renew, give back, reap. They set no context; a job's own does. Each call is one message
//! that carries its own transaction and limits.

use entity::id::{JobId, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{Access, Database, Operation, Origin, Outbox, Purges};
use crate::error::{Error, Result};

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

    /// The workspaces that are to be removed, through the same connections.
    #[must_use]
    pub fn purges(&self) -> Purges {
        Purges::new(self.0.clone())
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
        let worker = word(worker)?;
        let kinds = kinds.iter().map(|kind| word(kind)).collect::<Result<Vec<_>>>()?.join(", ");
        let call =
            format!("select * from app.claim_jobs({worker}, array[{kinds}]::text[], {limit}, {lease_ms})");
        let rows = self.0.ask(&call).await?;
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
        let (workspace, id, token) = (job.workspace_id.0, job.id.0, job.lease_token);
        let call = format!("select app.renew_job('{workspace}', '{id}', '{token}', {lease_ms}) as held");
        Ok(only(&self.0.ask(&call).await?)?.try_get("held")?)
    }

    /// Takes back jobs whose lease has expired; how many.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn reap(&self) -> Result<i32> {
        Ok(only(&self.0.ask("select app.reap_jobs() as reaped").await?)?.try_get("reaped")?)
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

/// A name of ours as a literal of SQL; refuses every character that could end one.
fn word(name: &str) -> Result<String> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Ok(format!("'{name}'"));
    }
    Err(Error::internal("a worker or a kind of job has a name that is no word"))
}

/// The only row of a door's answer.
pub(super) fn only(rows: &[PgRow]) -> Result<&PgRow> {
    rows.first().ok_or_else(|| Error::internal("a door gave no row"))
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_name_is_written_into_a_statement_only_where_it_is_a_word() {
        assert_eq!(word("agent_run.execute").expect("a kind"), "'agent_run.execute'");
        for bad in ["a'b", "a\\b", "a b", "a;b", "a\0", "ä"] {
            assert!(word(bad).is_err(), "{bad}");
        }
    }
}
