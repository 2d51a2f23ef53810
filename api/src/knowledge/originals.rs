//! Originals: what was sent of a version, in the database or in the object store, and how it ends.

use entity::document_version;
use entity::id::{DocumentId, DocumentVersionId, OriginalId};
use entity::upload;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::parsing::{self, ParseFailure};
use crate::adapters::objects::ObjectError;
use crate::error::{Error, Result};
use crate::tenancy::{Operation, statement};
use crate::worker::{Awaited, JobContext, JobFailure};

/// The failure class of jobs whose object store failed.
pub(super) const OBJECTS_ERROR: &str = "OBJECTS_ERROR";

/// Where the source of a version is.
pub(super) enum Original {
    /// In the row.
    Text(String),
    /// In the object store.
    Object {
        /// The object.
        id: OriginalId,
        /// Its bytes, as they were counted when they came.
        size_bytes: u64,
    },
}

/// Finds the source of a version.
pub(super) async fn find(operation: &Operation, version: &mut document_version::Model) -> Result<Original> {
    if let Some(source) = version.source.take() {
        return Ok(Original::Text(source));
    }
    let select = upload::Entity::find().filter(upload::Column::DocumentVersionId.eq(version.id));
    let row = select.one(operation).await?;
    let stored = row.and_then(|row| Some((row.original_id?, u64::try_from(row.size_bytes).ok()?)));
    let (id, size_bytes) =
        stored.ok_or_else(|| Error::internal("a version without a source is to be parsed"))?;
    Ok(Original::Object { id, size_bytes })
}

/// Reads a source: from the object store where it is there, and never more than came.
pub(super) async fn read(
    context: &JobContext,
    version_id: DocumentVersionId,
    original: Original,
) -> Result<Result<String, ParseFailure>, JobFailure> {
    let (id, size_bytes) = match original {
        Original::Text(source) => return Ok(Ok(source)),
        Original::Object { id, size_bytes } => (id, size_bytes),
    };
    let objects = context.app().objects().for_workspace(context.job().workspace_id);
    let bytes = objects.read((version_id, id), size_bytes).await.map_err(failure)?;
    Ok(match String::from_utf8(bytes) {
        Ok(source) => Ok(source),
        Err(error) => parsing::decode(error.as_bytes()).map(str::to_owned),
    })
}

/// What a failing object store means to a job.
pub(super) fn failure(error: ObjectError) -> JobFailure {
    match error {
        ObjectError::Unavailable | ObjectError::Refused => {
            JobFailure::waiting(Awaited::Objects, OBJECTS_ERROR, "The object store cannot be reached now.")
        }
        ObjectError::NotFound | ObjectError::TooLarge => {
            JobFailure::new(OBJECTS_ERROR, "The original is not in the object store as it was sent.", true)
        }
    }
}

/// The versions of a document that have objects, or may have left some.
pub(super) async fn versions_with_objects(
    operation: &Operation,
    document_id: DocumentId,
) -> Result<Vec<DocumentVersionId>> {
    // Purge: the versions whose originals are objects.
    let rows = operation
        .query_all_raw(statement(
            "select document_version_id from public.uploads where workspace_id = app.workspace_id() and document_id = $1",
            [document_id.0.into()],
        ))
        .await?;
    rows.iter().map(|row| Ok(DocumentVersionId(row.try_get("", "document_version_id")?))).collect()
}

/// Removes the objects of versions. No answer needs them: citations quote the text.
pub(super) async fn remove(context: &JobContext, versions: &[DocumentVersionId]) -> Result<(), JobFailure> {
    let objects = context.app().objects().for_workspace(context.job().workspace_id);
    for version_id in versions {
        objects.sweep(*version_id, None).await.map_err(failure)?;
    }
    Ok(())
}
