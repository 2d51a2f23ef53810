//! The rules of ingestions, and what is read of knowledge.

use entity::id::{DocumentId, DocumentVersionId, Given, IngestionId};
use entity::ingestion::{self, IngestionFailureClass, IngestionWaitReason};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

pub use super::documents::{ChangedDocument, NewDocument, Sources, create, delete, update};
pub use super::uploads::{NewUpload, Ticket};
use crate::error::{Error, Result};
use crate::input::Check;
use crate::jobs::service::{NewJob, enqueue};
use crate::tenancy::{Audit, AuditAction, Operation, Permission, statement};

/// What `document.ingest` jobs are called in the job lane.
pub(super) const INGEST: &str = "document.ingest";

/// Queues the ingestion of a version.
pub(super) async fn ingest(
    operation: &Operation,
    request_id: &str,
    document_id: DocumentId,
    version_id: DocumentVersionId,
) -> Result<()> {
    let id = add_ingestion(operation, document_id, version_id, IngestionWaitReason::Queue).await?;
    enqueue_ingestion(operation, request_id, id).await
}

/// Notes the ingestion of a version, and what it waits for.
pub(super) async fn add_ingestion(
    operation: &Operation,
    document_id: DocumentId,
    version_id: DocumentVersionId,
    wait_reason: IngestionWaitReason,
) -> Result<IngestionId> {
    let id = IngestionId::new();
    let row = ingestion::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        document_id: Set(document_id),
        document_version_id: Set(version_id),
        wait_reason: Set(Some(wait_reason)),
        ..Default::default()
    };
    ingestion::Entity::insert(row).exec_without_returning(operation).await?;
    Ok(id)
}

pub(super) async fn enqueue_ingestion(
    operation: &Operation,
    request_id: &str,
    id: IngestionId,
) -> Result<()> {
    enqueue(
        operation,
        NewJob {
            kind: INGEST,
            subject_id: id.0,
            dedupe_key: Some(format!("{INGEST}:{}", id.0)),
            delay_ms: 0,
            correlation_id: request_id,
        },
    )
    .await
}

/// Queues a failed ingestion again.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT for one that did not fail.
pub async fn retry_ingestion(
    operation: &Operation,
    request_id: &str,
    id: &Given<IngestionId>,
) -> Result<ingestion::Model> {
    use sea_orm::ConnectionTrait;
    let _ = operation.require(Permission::DocumentWrite)?;
    let mut check = Check::new();
    let id = check.id("id", id);
    let id = check.finish_with(id)?;
    let row = find_ingestion(operation, id).await?;
    if row.failure_class == Some(IngestionFailureClass::UploadExpired) {
        return Err(Error::Conflict("Its bytes never came; change the document with a new upload.", None));
    }
    // Retry: only a failed one.
    let result = operation
        .execute_raw(statement(
            "update public.ingestions set status = 'QUEUED', wait_reason = 'QUEUE', failure_class = null, failure_message = null, \
             finished_at = null, updated_at = now() where workspace_id = app.workspace_id() and id = $1 and status = 'FAILED'",
            [id.0.into()],
        ))
        .await?;
    if result.rows_affected() != 1 {
        return Err(Error::Conflict("Only a failed ingestion can be retried.", None));
    }
    enqueue_ingestion(operation, request_id, id).await?;
    operation.audit(Audit {
        action: AuditAction::IngestionRetry,
        targets: vec![id.to_string()],
        before: json!({ "status": "FAILED" }),
        after: json!({ "status": "QUEUED" }),
        request_id: request_id.to_owned(),
    });
    find_ingestion(operation, id).await
}

async fn find_ingestion(operation: &Operation, id: IngestionId) -> Result<ingestion::Model> {
    let select = ingestion::Entity::find().filter(ingestion::Column::Id.eq(id));
    select.one(operation).await?.ok_or(Error::NotFound("ingestion"))
}
