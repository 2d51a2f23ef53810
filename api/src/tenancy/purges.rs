//! The doors to the end of a workspace: asking for it and calling it off, as its owner; carrying it out, as a worker. The worker's set no
//! context: each takes its workspace from a leased purge.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::lane::only;
use super::{Database, Operation, statement};
use crate::error::{Error, Result};

impl Operation {
    /// Lets the workspace of the context wait for its deletion, if that is its slug; when it is removed.
    ///
    /// # Errors
    ///
    /// FORBIDDEN without workspace:own, BAD_USER_INPUT for another slug, CONFLICT where it waits already.
    pub async fn delete_workspace(&self, slug: &str, days: u32) -> Result<DateTime<Utc>> {
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        // Delete: workspaces_pkey.
        let call = statement("select app.delete_workspace($1, $2) as purge_at", [slug.into(), days.into()]);
        let row = self.query_one_raw(call).await.map_err(refused)?;
        Ok(row.ok_or_else(|| Error::internal("a door gave no row"))?.try_get("", "purge_at")?)
    }

    /// Calls the deletion of the workspace of the context off.
    ///
    /// # Errors
    ///
    /// FORBIDDEN without workspace:own, CONFLICT where it does not wait for it, or not any more.
    pub async fn restore_workspace(&self) -> Result<()> {
        // Restore: workspace_purges_tenant_id_key.
        let call = statement("select app.restore_workspace()", []);
        self.execute_raw(call).await.map(drop).map_err(refused)
    }
}

fn refused(error: DbErr) -> Error {
    let (DbErr::Query(RuntimeErr::SqlxError(cause)) | DbErr::Exec(RuntimeErr::SqlxError(cause))) = &error
    else {
        return error.into();
    };
    match cause.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
        Some("FN070") => Error::Conflict("The deletion of this workspace has been asked for already.", None),
        Some("FN071") => Error::Conflict("This workspace does not wait for its deletion.", None),
        Some("FN072") => Error::field(
            "input.slug",
            "MISMATCH",
            "`slug` is not that of this workspace; type its slug to confirm what is to be deleted.",
        ),
        _ => error.into(),
    }
}

/// A purge under a lease of this process.
#[derive(Clone, Debug)]
pub struct ClaimedPurge {
    /// The purge.
    pub id: Uuid,
    /// The workspace that is to be removed.
    pub workspace_id: WorkspaceId,
    /// This attempt's number, from 1.
    pub attempt: i32,
    /// The proof of the claim.
    pub lease_token: Uuid,
}

/// How a look at the stores ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeEnd {
    /// Nothing was left; it is looked at once more later.
    Settling,
    /// Nothing was left, for the last time.
    Done,
    /// Something was left.
    Remaining,
}

/// What the vector store and the object store hold of a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Points and indexes.
    pub vectors: u64,
    /// Objects.
    pub objects: u64,
}

impl Kept {
    fn json(self) -> Value {
        json!({ "vectors": self.vectors, "objects": self.objects })
    }
}

/// Workspaces that are to be removed, as a worker sees them.
#[derive(Clone)]
pub struct Purges(Database);

impl Purges {
    /// The purges of a database to which `footnote_worker` is connected.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// Leases the purge that is due, one whose worker died among them; none where none is.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn claim(&self, lease_ms: i32) -> Result<Option<ClaimedPurge>> {
        // Claim: workspace_purges_due.
        let rows = self.0.ask(&format!("select * from app.claim_purge({lease_ms})")).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(ClaimedPurge {
            id: row.try_get("id")?,
            workspace_id: WorkspaceId(row.try_get("tenant_id")?),
            attempt: row.try_get("attempts")?,
            lease_token: row.try_get("lease_token")?,
        }))
    }

    /// Keeps a lease alive, and notes what the stores held before they were emptied; false when it was lost.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn renew(&self, purge: &ClaimedPurge, lease_ms: i32, found: Option<Kept>) -> Result<bool> {
        let renew = sqlx::query("select app.renew_purge($1, $2, $3, $4) as held")
            .bind(purge.id)
            .bind(purge.lease_token)
            .bind(lease_ms)
            .bind(found.map(Kept::json));
        Ok(only(&self.0.ask_with(renew).await?)?.try_get("held")?)
    }

    /// Removes up to so many rows of the workspace, the workspace itself with the last ones; true when that is done.
    ///
    /// # Errors
    ///
    /// CONFLICT when the lease was lost or somebody writes to the workspace right now, UNAVAILABLE.
    pub async fn remove_rows(&self, purge: &ClaimedPurge, limit: i32, lease_ms: i32) -> Result<bool> {
        let (id, token) = (purge.id, purge.lease_token);
        let call = format!("select app.purge_rows('{id}', '{token}', {limit}, {lease_ms}) as done");
        Ok(only(&self.0.ask(&call).await?)?.try_get("done")?)
    }

    /// Ends a look at the stores, whose tables are counted by the door itself.
    ///
    /// # Errors
    ///
    /// CONFLICT when the lease was lost, UNAVAILABLE.
    pub async fn finish(&self, purge: &ClaimedPurge, remaining: Kept, settle: Duration) -> Result<PurgeEnd> {
        let finish = sqlx::query("select app.finish_purge($1, $2, $3, $4) as ended")
            .bind(purge.id)
            .bind(purge.lease_token)
            .bind(remaining.json())
            .bind(i64::try_from(settle.as_millis()).unwrap_or(i64::MAX));
        let ended: String = only(&self.0.ask_with(finish).await?)?.try_get("ended")?;
        match ended.as_str() {
            "SETTLING" => Ok(PurgeEnd::Settling),
            "DONE" => Ok(PurgeEnd::Done),
            "REMAINING" => Ok(PurgeEnd::Remaining),
            other => Err(Error::internal(format!("a purge ended as {other}"))),
        }
    }

    /// Gives a purge back after a failure, for another attempt after so many milliseconds; false when the lease was lost.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE.
    pub async fn failed(&self, purge: &ClaimedPurge, error: &str, retry_ms: i32) -> Result<bool> {
        let fail = sqlx::query("select app.fail_purge($1, $2, $3, $4) as failed")
            .bind(purge.id)
            .bind(purge.lease_token)
            .bind(error)
            .bind(retry_ms);
        Ok(only(&self.0.ask_with(fail).await?)?.try_get("failed")?)
    }
}
