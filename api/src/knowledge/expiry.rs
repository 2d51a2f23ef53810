//! The jobs of uploads: `upload.expire` ends the waiting of a version whose bytes did not come, `upload.sweep` removes what
//! attempts left in the object store. Both act for the system: whoever asked for the upload may have left.

use entity::id::DocumentVersionId;
use entity::ingestion::{self, IngestionFailureClass, IngestionStatus};
use entity::upload::{self, UploadStatus};
use entity::{document, id::IngestionId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::originals::failure;
use super::outcomes::fail;
use crate::error::{Error, Result};
use crate::jobs::service::{NewJob, enqueue};
use crate::tenancy::{Operation, statement};
use crate::worker::{JobContext, JobFailure, JobHandler};

const EXPIRE: &str = "upload.expire";
const SWEEP: &str = "upload.sweep";
/// Longer than the last step of an attempt that began before the expiry can go on.
const SWEEP_AFTER_MS: i64 = 60_000;
const EXPIRED: &str = "The bytes did not come before the upload expired.";

/// Queues the end of an upload.
pub(super) async fn enqueue_expiry(
    operation: &Operation,
    correlation_id: &str,
    version_id: DocumentVersionId,
    delay_ms: i64,
) -> Result<()> {
    let subject_id = version_id.0;
    enqueue(operation, NewJob { kind: EXPIRE, subject_id, dedupe_key: None, delay_ms, correlation_id }).await
}

async fn upload_of(operation: &Operation, version_id: DocumentVersionId) -> Result<Option<upload::Model>> {
    let select = upload::Entity::find().filter(upload::Column::DocumentVersionId.eq(version_id));
    Ok(select.one(operation).await?)
}

/// The handler of `upload.expire`.
pub(super) struct Expire;

#[async_trait::async_trait]
impl JobHandler for Expire {
    fn kind(&self) -> &'static str {
        EXPIRE
    }

    async fn run(&self, context: &JobContext) -> Result<(), JobFailure> {
        let version_id = DocumentVersionId(context.job().subject_id);
        let operation = context.operation().await?;
        // Expire: unless the bytes came, or the document was deleted.
        let expired = operation
            .execute_raw(statement(
                "update public.uploads set status = 'EXPIRED'
                 where workspace_id = app.workspace_id() and document_version_id = $1 and status = 'PENDING'",
                [version_id.0.into()],
            ))
            .await
            .map_err(Error::from)?;
        if expired.rows_affected() > 0
            && let Some(id) = waiting(&operation, version_id).await?
        {
            fail(&operation, context, id, (IngestionFailureClass::UploadExpired, EXPIRED)).await?;
        }
        let sweep = NewJob {
            kind: SWEEP,
            subject_id: version_id.0,
            dedupe_key: None,
            delay_ms: SWEEP_AFTER_MS,
            correlation_id: &context.job().correlation_id,
        };
        enqueue(&operation, sweep).await?;
        Ok(context.finish(operation).await?)
    }

    async fn retry(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }
}

/// The ingestion that waits for the upload of a version.
async fn waiting(operation: &Operation, version_id: DocumentVersionId) -> Result<Option<IngestionId>> {
    let select = ingestion::Entity::find()
        .filter(ingestion::Column::DocumentVersionId.eq(version_id))
        .filter(ingestion::Column::Status.eq(IngestionStatus::Queued));
    Ok(select.one(operation).await?.map(|row| row.id))
}

/// The handler of `upload.sweep`.
pub(super) struct Sweep;

#[async_trait::async_trait]
impl JobHandler for Sweep {
    fn kind(&self) -> &'static str {
        SWEEP
    }

    async fn run(&self, context: &JobContext) -> Result<(), JobFailure> {
        let version_id = DocumentVersionId(context.job().subject_id);
        let operation = context.operation().await?;
        let row = upload_of(&operation, version_id).await?;
        let keep = match row.filter(|row| row.status == UploadStatus::Stored) {
            Some(row) if is_live(&operation, &row).await? => row.original_id,
            _ => None,
        };
        drop(operation);
        let objects = context.app().objects().for_workspace(context.job().workspace_id);
        let count = objects.sweep(version_id, keep).await.map_err(failure)?;
        if count > 0 {
            tracing::info!(count, "objects of unfinished uploads were removed");
        }
        Ok(context.finish(context.operation().await?).await?)
    }

    async fn retry(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }
}

async fn is_live(operation: &Operation, row: &upload::Model) -> Result<bool> {
    let select = document::Entity::find()
        .filter(document::Column::Id.eq(row.document_id))
        .filter(document::Column::DeletedAt.is_null());
    Ok(select.one(operation).await?.is_some())
}
