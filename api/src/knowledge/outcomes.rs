//! How ingestions end: done, overtaken or failed, in their own table and as an event; and what a failing model means to one.

use entity::document_version;
use entity::id::IngestionId;
use entity::ingestion::IngestionFailureClass;
use sea_orm::{ActiveEnum, ConnectionTrait};
use serde_json::json;

use crate::adapters::embeddings::EmbedError;
use crate::error::Result;
use crate::tenancy::{Event, EventType, Operation, statement};
use crate::worker::{Awaited, JobContext, JobFailure};

/// Ends an ingestion that did not fail.
pub(super) async fn end(operation: &Operation, id: IngestionId, status: &'static str) -> Result<()> {
    // The end of an ingestion, whichever it is.
    operation
        .execute_raw(statement(
            "update public.ingestions set status = $2, wait_reason = null, finished_at = now(), updated_at = now()
             where workspace_id = app.workspace_id() and id = $1",
            [id.0.into(), status.into()],
        ))
        .await?;
    Ok(())
}

/// Whether a newer version has a text. One whose upload has not come may never have one.
pub(super) async fn overtaken(operation: &Operation, version: &document_version::Model) -> Result<bool> {
    let newer = operation
        .query_one_raw(statement(
            "select 1 from public.document_versions v
             where v.workspace_id = app.workspace_id() and v.document_id = $1 and v.ordinal > $2
               and not exists (select from public.uploads u where u.workspace_id = v.workspace_id
                 and u.document_version_id = v.id and u.status <> 'STORED')
             limit 1",
            [version.document_id.0.into(), version.ordinal.into()],
        ))
        .await?;
    Ok(newer.is_some())
}

/// Says that an ingestion failed, and why.
pub(super) async fn fail(
    operation: &Operation,
    context: &JobContext,
    id: IngestionId,
    (class, message): (IngestionFailureClass, &str),
) -> Result<()> {
    let class = class.to_value();
    // The earlier version stays in service: nothing of the document changes.
    operation
        .execute_raw(statement(
            "update public.ingestions set status = 'FAILED', wait_reason = null, failure_class = $2, failure_message = left($3, 2000),
               finished_at = now(), updated_at = now() where workspace_id = app.workspace_id() and id = $1",
            [id.0.into(), class.clone().into(), message.into()],
        ))
        .await?;
    operation.publish(Event {
        r#type: EventType::IngestionFailed,
        subject: id.to_string(),
        data: json!({ "failure_class": class, "message": message }),
        correlation_id: context.job().correlation_id.clone(),
    });
    Ok(())
}

/// What a failing embedder means to a job.
pub(super) fn not_embedded(error: &EmbedError) -> JobFailure {
    let class = "EMBEDDING_ERROR";
    match error {
        EmbedError::Unavailable(_) | EmbedError::RateLimited { .. } => {
            JobFailure::waiting(Awaited::Embeddings, class, error.to_string())
        }
        _ => JobFailure::new(class, error.to_string(), error.retryable()),
    }
}
