//! The rules of collections and ingestions.

use entity::id::{CollectionId, DocumentId, DocumentVersionId, IngestionId};
use entity::{collection, ingestion};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

pub use super::documents::{ChangedDocument, Content, NewDocument, create, delete, update};
use crate::error::{Error, Result, broken_constraint};
use crate::input::Check;
use crate::jobs::service::{NewJob, enqueue};
use crate::tenancy::{Audit, Event, EventType, Operation, Permission, statement};

/// What `document.ingest` jobs are called in the job lane.
pub(super) const INGEST: &str = "document.ingest";

/// Makes a collection.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, CONFLICT for a name that is taken.
pub async fn create_collection(
    operation: &Operation,
    request_id: &str,
    name: &str,
    description: Option<&str>,
) -> Result<collection::Model> {
    let _ = operation.require(Permission::CollectionWrite)?;
    let mut check = Check::new();
    let name = check.text("name", name, 1..=200);
    let description = check.optional_text("description", description, 0..=2000);
    check.finish()?;
    let row = collection::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(CollectionId::new()),
        name: Set(name),
        description: Set(description),
        ..Default::default()
    };
    let row = collection::Entity::insert(row).exec_with_returning(operation).await.map_err(|error| {
        if broken_constraint(&error) == Some("collections_name") {
            return Error::Conflict("A collection of this name exists.", None);
        }
        error.into()
    })?;
    operation.publish(Event {
        r#type: EventType::CollectionCreated,
        subject: row.id.to_string(),
        data: json!({ "name": row.name }),
        correlation_id: request_id.to_owned(),
    });
    operation.audit(Audit {
        action: "collection.create",
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: json!({ "name": row.name }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Queues the ingestion of a version.
pub(super) async fn ingest(
    operation: &Operation,
    request_id: &str,
    document_id: DocumentId,
    version_id: DocumentVersionId,
) -> Result<()> {
    let id = IngestionId::new();
    let row = ingestion::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        document_id: Set(document_id),
        document_version_id: Set(version_id),
        wait_reason: Set(Some(ingestion::IngestionWaitReason::Queue)),
        ..Default::default()
    };
    ingestion::Entity::insert(row).exec_without_returning(operation).await?;
    enqueue_ingestion(operation, request_id, id).await
}

async fn enqueue_ingestion(operation: &Operation, request_id: &str, id: IngestionId) -> Result<()> {
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
/// FORBIDDEN, NOT_FOUND, CONFLICT for one that did not fail.
pub async fn retry_ingestion(
    operation: &Operation,
    request_id: &str,
    id: IngestionId,
) -> Result<ingestion::Model> {
    use sea_orm::ConnectionTrait;
    let _ = operation.require(Permission::DocumentWrite)?;
    find_ingestion(operation, id).await?;
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
        action: "ingestion.retry",
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
