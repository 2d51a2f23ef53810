//! The rules of ingestions, and what is read of knowledge.

use entity::id::{ChunkId, CollectionId, DocumentId, DocumentVersionId, Given, IngestionId};
use entity::ingestion::IngestionStatus;
use entity::{chunk, citation, collection, document, document_version, ingestion};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

pub use super::documents::{ChangedDocument, NewDocument, Sources, create, delete, update};
use crate::error::{Error, Result};
use crate::input::Check;
use crate::jobs::service::{NewJob, enqueue};
use crate::page::Page;
use crate::tenancy::{Audit, Operation, Permission, statement};

/// What `document.ingest` jobs are called in the job lane.
pub(super) const INGEST: &str = "document.ingest";

/// A page of collections.
///
/// # Errors
///
/// FORBIDDEN without document:read.
pub async fn collections(operation: &Operation, page: &Page) -> Result<Vec<collection::Model>> {
    let _ = operation.require(Permission::DocumentRead)?;
    let select = collection::Entity::find().filter(collection::Column::DeletedAt.is_null());
    Ok(page.select(select, collection::Column::Id).all(operation).await?)
}

/// A page of documents.
///
/// # Errors
///
/// FORBIDDEN without document:read.
pub async fn documents(
    operation: &Operation,
    collection: Option<CollectionId>,
    page: &Page,
) -> Result<Vec<document::Model>> {
    let _ = operation.require(Permission::DocumentRead)?;
    let mut select = document::Entity::find().filter(document::Column::DeletedAt.is_null());
    if let Some(id) = collection {
        select = select.filter(document::Column::CollectionId.eq(id));
    }
    Ok(page.select(select, document::Column::Id).all(operation).await?)
}

/// A document; none where it does not exist, was deleted, or is not visible.
///
/// # Errors
///
/// UNAVAILABLE.
pub async fn document(operation: &Operation, id: DocumentId) -> Result<Option<document::Model>> {
    operation.workspace_id()?;
    let select = document::Entity::find()
        .filter(document::Column::Id.eq(id))
        .filter(document::Column::DeletedAt.is_null());
    Ok(select.one(operation).await?)
}

/// A page of a document's versions, without their texts.
///
/// # Errors
///
/// FORBIDDEN without document:read.
pub async fn versions(
    operation: &Operation,
    id: DocumentId,
    page: &Page,
) -> Result<Vec<document_version::Model>> {
    let _ = operation.require(Permission::DocumentRead)?;
    let select = document_version::without_text().filter(document_version::Column::DocumentId.eq(id));
    Ok(page.select(select, document_version::Column::Ordinal).all(operation).await?)
}

/// A page of ingestions.
///
/// # Errors
///
/// FORBIDDEN without document:read.
pub async fn ingestions(
    operation: &Operation,
    status: Option<IngestionStatus>,
    page: &Page,
) -> Result<Vec<ingestion::Model>> {
    let _ = operation.require(Permission::DocumentRead)?;
    let mut select = ingestion::Entity::find();
    if let Some(status) = status {
        select = select.filter(ingestion::Column::Status.eq(status));
    }
    Ok(page.select(select, ingestion::Column::Id).all(operation).await?)
}

/// The newest ingestion of a document.
///
/// # Errors
///
/// UNAVAILABLE.
pub async fn ingestion_of_document(
    operation: &Operation,
    id: DocumentId,
) -> Result<Option<ingestion::Model>> {
    let select = ingestion::Entity::find()
        .filter(ingestion::Column::DocumentId.eq(id))
        .order_by_desc(ingestion::Column::Id);
    Ok(select.one(operation).await?)
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

/// A version by id; none where its document was deleted and no answer cites it.
///
/// # Errors
///
/// UNAVAILABLE.
pub async fn version(
    operation: &Operation,
    id: DocumentVersionId,
) -> Result<Option<document_version::Model>> {
    let select = document_version::without_text().filter(document_version::Column::Id.eq(id));
    let Some(row) = select.one(operation).await? else { return Ok(None) };
    if document(operation, row.document_id).await?.is_some() {
        return Ok(Some(row));
    }
    let cited =
        citation::Entity::find().filter(citation::Column::DocumentVersionId.eq(id)).one(operation).await?;
    Ok(cited.map(|_| row))
}

/// A passage by id; none where its document was deleted.
///
/// # Errors
///
/// UNAVAILABLE.
pub async fn chunk(operation: &Operation, id: ChunkId) -> Result<Option<chunk::Model>> {
    let Some(row) = chunk::Entity::find().filter(chunk::Column::Id.eq(id)).one(operation).await? else {
        return Ok(None);
    };
    Ok(document(operation, row.document_id).await?.map(|_| row))
}
