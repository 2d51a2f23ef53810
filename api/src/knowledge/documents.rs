//! The rules of documents: every change of the text is a new immutable version, and a version that nobody can tell from the
//! one before is not made.

use entity::document_version::DocumentFormat;
use entity::id::{CollectionId, DocumentId, DocumentVersionId, Given};
use entity::ingestion::IngestionWaitReason;
use entity::{document, document_version};
use sea_orm::{
    ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::collections;
use super::purge::enqueue_purge;
use super::service::{add_ingestion, ingest};
use super::uploads::{self, CheckedUpload, NewUpload, Ticket};
use crate::config::Limits;
use crate::error::{Error, ID_EXISTS, Result, broken_constraint};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission, statement};

/// What a client sends as a document's text: at most one of them.
pub struct Sources {
    /// Plain text.
    pub text: Option<String>,
    /// Markdown.
    pub markdown: Option<String>,
    /// HTML.
    pub html: Option<String>,
    /// Bytes that come past GraphQL.
    pub upload: Option<NewUpload>,
}

/// A document's text.
enum Content {
    /// As it was sent.
    Source { format: DocumentFormat, source: String },
    /// As it will be sent.
    Upload(CheckedUpload),
}

/// A document to make.
pub struct NewDocument {
    /// The client's id; none for one of ours.
    pub id: Option<Given<DocumentId>>,
    /// The collection.
    pub collection_id: Given<CollectionId>,
    /// The title.
    pub title: String,
    /// The text.
    pub sources: Sources,
}

/// What is to change of a document.
pub struct ChangedDocument {
    /// The document.
    pub id: Given<DocumentId>,
    /// The version that the change was made against.
    pub version: i32,
    /// A new title; none keeps it.
    pub title: Option<String>,
    /// A new text; none keeps it.
    pub sources: Sources,
}

/// Makes a document with its first version, and queues its ingestion.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, PAYLOAD_TOO_LARGE, NOT_FOUND for the collection, CONFLICT for an id that is taken.
pub async fn create(
    operation: &Operation,
    request_id: &str,
    limits: &Limits,
    new: NewDocument,
) -> Result<(document::Model, Option<Ticket>)> {
    let _ = operation.require(Permission::DocumentWrite)?;
    let mut check = Check::new();
    let id = check.new_id("id", new.id.as_ref());
    let collection_id = check.id("collectionId", &new.collection_id);
    let title = check.text("title", &new.title, 1..=500);
    let nothing = new.sources.is_empty();
    let content = check_sources(&mut check, new.sources, limits);
    if nothing {
        check.refuse("text", "REQUIRED", "Send one of `text`, `markdown`, `html` and `upload`.");
    }
    let ((id, collection_id), content) = check.finish_with(id.zip(collection_id).zip(content))?;
    let row = document::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        collection_id: Set(collection_id),
        title: Set(title),
        latest_ordinal: Set(1),
        ..Default::default()
    };
    let row = document::Entity::insert(row).exec_with_returning(operation).await.map_err(|error| {
        match broken_constraint(&error) {
            Some("documents_pkey") => ID_EXISTS,
            Some("documents_workspace_id_collection_id_fkey") => Error::NotFound("collection"),
            _ => error.into(),
        }
    })?;
    // Looked at afterwards: from now on the foreign key's lock keeps the collection from being deleted, and one that was
    // deleted while the key waited shows.
    collections::find(operation, collection_id).await?.ok_or(Error::NotFound("collection"))?;
    let ticket = add_version(operation, request_id, (row.id, 1), content, limits).await?;
    tell(operation, request_id, EventType::DocumentCreated, &row);
    operation.audit(Audit {
        action: AuditAction::DocumentCreate,
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: json!({ "title": row.title }),
        request_id: request_id.to_owned(),
    });
    Ok((row, ticket))
}

/// Changes a document; a text that differs becomes a new version and is ingested.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, PAYLOAD_TOO_LARGE, NOT_FOUND, CONFLICT with the current version.
pub async fn update(
    operation: &Operation,
    request_id: &str,
    limits: &Limits,
    change: ChangedDocument,
) -> Result<(document::Model, Option<Ticket>)> {
    let _ = operation.require(Permission::DocumentWrite)?;
    let mut check = Check::new();
    let id = check.id("id", &change.id);
    let version = check.version(change.version);
    let title = check.optional_text("title", change.title.as_deref(), 1..=500);
    let content = check_sources(&mut check, change.sources, limits);
    let id = check.finish_with(id)?;
    let before = lock(operation, id).await?;
    current(&before, version)?;
    let title = title.unwrap_or_else(|| before.title.clone());
    let content = match content {
        Some(content) if is_new(operation, &before, &content).await? => Some(content),
        _ => None,
    };
    if content.is_none() && title == before.title {
        return Ok((before, None));
    }
    let ordinal = before.latest_ordinal + i32::from(content.is_some());
    // Update: the row is locked, so its version is the one that was checked.
    operation
        .execute_raw(statement(
            "update public.documents set title = $2, latest_ordinal = $3, version = version + 1, updated_at = now() \
             where workspace_id = app.workspace_id() and id = $1",
            [id.0.into(), title.into(), ordinal.into()],
        ))
        .await?;
    let ticket = match content {
        Some(content) => add_version(operation, request_id, (id, ordinal), content, limits).await?,
        None => None,
    };
    let row = find(operation, id).await?;
    tell(operation, request_id, EventType::DocumentUpdated, &row);
    operation.audit(Audit {
        action: AuditAction::DocumentUpdate,
        targets: vec![row.id.to_string()],
        before: json!({ "title": before.title, "version": before.version }),
        after: json!({ "title": row.title, "version": row.version }),
        request_id: request_id.to_owned(),
    });
    Ok((row, ticket))
}

/// Deletes a document: it is found no more at once; what no answer cites is removed soon after.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version.
pub async fn delete(
    operation: &Operation,
    request_id: &str,
    (id, version): (Given<DocumentId>, Option<i32>),
) -> Result<DocumentId> {
    let _ = operation.require(Permission::DocumentWrite)?;
    let mut check = Check::new();
    let id = check.id("id", &id);
    let version = version.map(|version| check.version(version));
    let id = check.finish_with(id)?;
    let row = lock(operation, id).await?;
    if let Some(version) = version {
        current(&row, version)?;
    }
    // Delete: hides the document; the purge removes what is not cited.
    operation
        .execute_raw(statement(
            "update public.documents set deleted_at = now(), version = version + 1, updated_at = now() \
             where workspace_id = app.workspace_id() and id = $1",
            [id.0.into()],
        ))
        .await?;
    uploads::cancel(operation, id).await?;
    enqueue_purge(operation, request_id, id, 0).await?;
    tell(operation, request_id, EventType::DocumentDeleted, &row);
    operation.audit(Audit {
        action: AuditAction::DocumentDelete,
        targets: vec![id.to_string()],
        before: json!({ "title": row.title }),
        after: json!(null),
        request_id: request_id.to_owned(),
    });
    Ok(id)
}

impl Sources {
    fn is_empty(&self) -> bool {
        self.text.is_none() && self.markdown.is_none() && self.html.is_none() && self.upload.is_none()
    }
}

/// The text that was sent, or will be; none where there is none or it was refused. What is wrong with it is noted.
fn check_sources(check: &mut Check, sources: Sources, limits: &Limits) -> Option<Content> {
    let Sources { text, markdown, html, upload } = sources;
    let sent: Vec<_> = [
        ("text", DocumentFormat::Text, text),
        ("markdown", DocumentFormat::Markdown, markdown),
        ("html", DocumentFormat::Html, html),
    ]
    .into_iter()
    .filter_map(|(field, format, source)| Some((field, format, source?)))
    .collect();
    let one = sent.len() + usize::from(upload.is_some()) == 1;
    let alone = |check: &mut Check, field: &str| {
        if !one {
            check.refuse(field, "EXCLUSIVE", "Send only one of `text`, `markdown`, `html` and `upload`.");
        }
    };
    for (field, _, source) in &sent {
        alone(check, field);
        check_source(check, field, source, limits.max_document_bytes);
    }
    let upload = upload.and_then(|new| {
        alone(check, "upload");
        uploads::check(check, &new, limits.max_upload_bytes).map(Content::Upload)
    });
    sent.into_iter().next().map(|(_, format, source)| Content::Source { format, source }).or(upload)
}

fn check_source(check: &mut Check, field: &str, source: &str, limit: usize) {
    if source.len() > limit {
        check.refuse_size(field, "document", limit as u64);
    } else if source.trim().is_empty() {
        check.refuse(field, "EMPTY", format!("`{field}` is empty."));
    } else if source.contains('\0') {
        check.refuse(
            field,
            "INVALID_CHARACTER",
            format!("`{field}` holds the character U+0000, which no text can."),
        );
    }
}

/// Adds a version; a ticket where its bytes are still to come.
async fn add_version(
    operation: &Operation,
    request_id: &str,
    (document_id, ordinal): (DocumentId, i32),
    content: Content,
    limits: &Limits,
) -> Result<Option<Ticket>> {
    let id = DocumentVersionId::new();
    let (format, source, upload) = match content {
        Content::Source { format, source } => (format, Some(source), None),
        Content::Upload(checked) => (checked.format, None, Some(checked)),
    };
    let row = document_version::ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(id),
        document_id: Set(document_id),
        ordinal: Set(ordinal),
        format: Set(format),
        content_hash: Set(source.as_deref().map(|source| content_hash(format, source))),
        source: Set(source),
        ..Default::default()
    };
    document_version::Entity::insert(row).exec_without_returning(operation).await?;
    let Some(checked) = upload else {
        ingest(operation, request_id, document_id, id).await?;
        return Ok(None);
    };
    add_ingestion(operation, document_id, id, IngestionWaitReason::Upload).await?;
    uploads::open(operation, request_id, (document_id, id), checked, limits).await.map(Some)
}

/// SHA-256 of format and source.
pub(super) fn content_hash(format: DocumentFormat, source: &str) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(format.to_value().as_bytes());
    hasher.update([0]);
    hasher.update(source.as_bytes());
    hasher.finalize().to_vec()
}

/// Whether a text differs from the newest version's that has one. What an upload will bring, nobody knows.
async fn is_new(operation: &Operation, document: &document::Model, content: &Content) -> Result<bool> {
    let Content::Source { format, source } = content else { return Ok(true) };
    let newest = operation
        .query_one_raw(statement(
            "select v.content_hash from public.document_versions v
             where v.workspace_id = app.workspace_id() and v.document_id = $1
               and not exists (select from public.uploads u where u.workspace_id = v.workspace_id
                 and u.document_version_id = v.id and u.status <> 'STORED')
             order by v.ordinal desc limit 1",
            [document.id.0.into()],
        ))
        .await?;
    let newest: Option<Vec<u8>> = match newest {
        Some(row) => row.try_get("", "content_hash")?,
        None => None,
    };
    Ok(newest != Some(content_hash(*format, source)))
}

async fn lock(operation: &Operation, id: DocumentId) -> Result<document::Model> {
    let select = document::Entity::find()
        .filter(document::Column::Id.eq(id))
        .filter(document::Column::DeletedAt.is_null())
        .lock_exclusive();
    select.one(operation).await?.ok_or(Error::NotFound("document"))
}

fn current(row: &document::Model, version: i32) -> Result<()> {
    if row.version == version {
        return Ok(());
    }
    Err(Error::Conflict("Somebody changed this document in the meantime.", Some(row.version)))
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
