//! The rules of documents: every change of the text is a new immutable version, and a version that nobody can tell from the
//! one before is not made.

use entity::document_version::DocumentFormat;
use entity::id::{CollectionId, DocumentId, DocumentVersionId};
use entity::{collection, document, document_version};
use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::purge::enqueue_purge;
use super::service::ingest;
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{Audit, Event, EventType, Operation, Permission, statement};

/// What a client sends as a document's text.
pub struct Content {
    /// Its format.
    pub format: DocumentFormat,
    /// The source, as it was sent.
    pub source: String,
}

/// A document to make.
pub struct NewDocument {
    /// The collection.
    pub collection_id: CollectionId,
    /// The title.
    pub title: String,
    /// The text.
    pub content: Content,
}

/// What is to change of a document.
pub struct ChangedDocument {
    /// The document.
    pub id: DocumentId,
    /// The version that the change was made against.
    pub version: i32,
    /// A new title; none keeps it.
    pub title: Option<String>,
    /// A new text; none keeps it.
    pub content: Option<Content>,
}

/// Makes a document with its first version, and queues its ingestion.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, PAYLOAD_TOO_LARGE, NOT_FOUND for the collection.
pub async fn create(
    operation: &Operation,
    request_id: &str,
    limit: usize,
    new: NewDocument,
) -> Result<document::Model> {
    let _ = operation.require(Permission::DocumentWrite)?;
    let mut check = Check::new();
    let title = check.text("title", &new.title, 1..=500);
    check_content(&mut check, &new.content, limit)?;
    check.finish()?;
    let select = collection::Entity::find().filter(collection::Column::Id.eq(new.collection_id));
    select.one(operation).await?.ok_or(Error::NotFound("collection"))?;
    let row = document::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(DocumentId::new()),
        collection_id: Set(new.collection_id),
        title: Set(title),
        latest_ordinal: Set(1),
        ..Default::default()
    };
    let row = document::Entity::insert(row).exec_with_returning(operation).await?;
    add_version(operation, request_id, row.id, 1, new.content).await?;
    tell(operation, request_id, EventType::DocumentCreated, &row);
    operation.audit(Audit {
        action: "document.create",
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: json!({ "title": row.title }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Changes a document; a text that differs becomes a new version and is ingested.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, PAYLOAD_TOO_LARGE, NOT_FOUND, CONFLICT with the current version.
pub async fn update(
    operation: &Operation,
    request_id: &str,
    limit: usize,
    change: ChangedDocument,
) -> Result<document::Model> {
    let _ = operation.require(Permission::DocumentWrite)?;
    let mut check = Check::new();
    let title = check.optional_text("title", change.title.as_deref(), 1..=500);
    if let Some(content) = &change.content {
        check_content(&mut check, content, limit)?;
    }
    check.finish()?;
    let before = lock(operation, change.id).await?;
    if before.version != change.version {
        return Err(Error::Conflict("Somebody changed this document in the meantime.", Some(before.version)));
    }
    let title = title.unwrap_or_else(|| before.title.clone());
    let content = match change.content {
        Some(content) if is_new(operation, &before, &content).await? => Some(content),
        _ => None,
    };
    if content.is_none() && title == before.title {
        return Ok(before);
    }
    let ordinal = before.latest_ordinal + i32::from(content.is_some());
    // Update: the row is locked, so its version is the one that was checked.
    operation
        .execute_raw(statement(
            "update public.documents set title = $2, latest_ordinal = $3, version = version + 1, updated_at = now() \
             where workspace_id = app.workspace_id() and id = $1",
            [change.id.0.into(), title.into(), ordinal.into()],
        ))
        .await?;
    if let Some(content) = content {
        add_version(operation, request_id, change.id, ordinal, content).await?;
    }
    let row = find(operation, change.id).await?;
    tell(operation, request_id, EventType::DocumentUpdated, &row);
    operation.audit(Audit {
        action: "document.update",
        targets: vec![row.id.to_string()],
        before: json!({ "title": before.title, "version": before.version }),
        after: json!({ "title": row.title, "version": row.version }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Deletes a document: it is found no more at once; what no answer cites is removed soon after.
///
/// # Errors
///
/// FORBIDDEN, NOT_FOUND.
pub async fn delete(operation: &Operation, request_id: &str, id: DocumentId) -> Result<DocumentId> {
    let _ = operation.require(Permission::DocumentWrite)?;
    let row = lock(operation, id).await?;
    // Delete: hides the document; the purge removes what is not cited.
    operation
        .execute_raw(statement(
            "update public.documents set deleted_at = now(), version = version + 1, updated_at = now() \
             where workspace_id = app.workspace_id() and id = $1",
            [id.0.into()],
        ))
        .await?;
    enqueue_purge(operation, request_id, id, 0).await?;
    tell(operation, request_id, EventType::DocumentDeleted, &row);
    operation.audit(Audit {
        action: "document.delete",
        targets: vec![id.to_string()],
        before: json!({ "title": row.title }),
        after: json!(null),
        request_id: request_id.to_owned(),
    });
    Ok(id)
}

fn check_content(check: &mut Check, content: &Content, limit: usize) -> Result<()> {
    if content.source.len() > limit {
        return Err(Error::PayloadTooLarge("document", limit as u64));
    }
    let field = match content.format {
        DocumentFormat::Text => "text",
        DocumentFormat::Markdown => "markdown",
        DocumentFormat::Html => "html",
    };
    if content.source.trim().is_empty() {
        check.refuse(field, "EMPTY", format!("`{field}` is empty."));
    } else if content.source.contains('\0') {
        check.refuse(
            field,
            "INVALID_CHARACTER",
            format!("`{field}` holds the character U+0000, which no text can."),
        );
    }
    Ok(())
}

async fn add_version(
    operation: &Operation,
    request_id: &str,
    document_id: DocumentId,
    ordinal: i32,
    content: Content,
) -> Result<()> {
    let id = DocumentVersionId::new();
    let row = document_version::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        document_id: Set(document_id),
        ordinal: Set(ordinal),
        format: Set(content.format),
        content_hash: Set(hash(&content)),
        source: Set(content.source),
        ..Default::default()
    };
    document_version::Entity::insert(row).exec_without_returning(operation).await?;
    ingest(operation, request_id, document_id, id).await
}

fn hash(content: &Content) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(content.format.to_value().as_bytes());
    hasher.update([0]);
    hasher.update(content.source.as_bytes());
    hasher.finalize().to_vec()
}

/// Whether a text differs from the newest version's.
async fn is_new(operation: &Operation, document: &document::Model, content: &Content) -> Result<bool> {
    let newest: Option<Vec<u8>> = document_version::Entity::find()
        .select_only()
        .column(document_version::Column::ContentHash)
        .filter(document_version::Column::DocumentId.eq(document.id))
        .order_by_desc(document_version::Column::Ordinal)
        .into_tuple()
        .one(operation)
        .await?;
    Ok(newest.as_deref() != Some(hash(content).as_slice()))
}

async fn lock(operation: &Operation, id: DocumentId) -> Result<document::Model> {
    let select = document::Entity::find()
        .filter(document::Column::Id.eq(id))
        .filter(document::Column::DeletedAt.is_null())
        .lock_exclusive();
    select.one(operation).await?.ok_or(Error::NotFound("document"))
}

async fn find(operation: &Operation, id: DocumentId) -> Result<document::Model> {
    let select = document::Entity::find().filter(document::Column::Id.eq(id));
    select.one(operation).await?.ok_or(Error::NotFound("document"))
}

fn tell(operation: &Operation, request_id: &str, r#type: EventType, row: &document::Model) {
    operation.publish(Event {
        r#type,
        subject: row.id.to_string(),
        data: json!({ "title": row.title }),
        correlation_id: request_id.to_owned(),
    });
}
