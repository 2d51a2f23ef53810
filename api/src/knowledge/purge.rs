//! The job `document.purge`: removes what search must not find any more, and what nobody cites.
//!
//! It runs after a deletion, and some time after a newer version was published: by then no search that began with the old
//! points is still reading back. Running it again does nothing more. It acts for the system: whoever deleted may have left.

use entity::document;
use entity::id::DocumentId;
use sea_orm::sea_query::ArrayType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use uuid::Uuid;

use super::originals::{self, versions_with_objects};
use super::vectors::active_index;
use crate::error::{Error, Result};
use crate::jobs::service::{NewJob, enqueue};
use crate::tenancy::{Operation, statement};
use crate::worker::{JobContext, JobFailure, JobHandler};

const KIND: &str = "document.purge";

/// Queues the purge of a document after a delay.
pub(super) async fn enqueue_purge(
    operation: &Operation,
    correlation_id: &str,
    id: DocumentId,
    delay_ms: i64,
) -> Result<()> {
    enqueue(operation, NewJob { kind: KIND, subject_id: id.0, dedupe_key: None, delay_ms, correlation_id })
        .await
}

/// The handler.
pub(super) struct Purge;

#[async_trait::async_trait]
impl JobHandler for Purge {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, context: &JobContext) -> Result<(), JobFailure> {
        let id = DocumentId(context.job().subject_id);
        let operation = context.operation().await?;
        let row = document::Entity::find()
            .filter(document::Column::Id.eq(id))
            .one(&operation)
            .await
            .map_err(Error::from)?;
        let index = active_index(&operation).await?;
        let older = older_versions(&operation, id).await?;
        let uploaded = versions_with_objects(&operation, id).await?;
        drop(operation);
        let Some(row) = row else {
            return Ok(context.finish(context.operation().await?).await?);
        };
        if let Some(index) = index {
            let vectors = context.app().vectors().for_workspace(context.job().workspace_id.0);
            let done = if row.deleted_at.is_some() {
                vectors.delete_document(index.id.0, id.0).await
            } else {
                vectors.delete_versions(index.id.0, id.0, &older).await
            };
            done.map_err(|error| super::vectors::failure(&error))?;
        }
        if row.deleted_at.is_some() {
            // Before the rows that name them: a purge that stops in between finds them again.
            originals::remove(context, &uploaded).await?;
        }
        let operation = context.operation().await?;
        remove_uncited(&operation, id, &older).await?;
        Ok(context.finish(operation).await?)
    }

    async fn retry(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }
}

/// The versions that came before the current one. None of them becomes current again, so they may go at any time.
async fn older_versions(operation: &Operation, id: DocumentId) -> Result<Vec<Uuid>> {
    // Purge: what is older than what search finds.
    let rows = operation
        .query_all_raw(statement(
            "select v.id from public.documents d
             join public.document_versions k on k.workspace_id = d.workspace_id and k.id = d.current_version_id
             join public.document_versions v on v.workspace_id = d.workspace_id and v.document_id = d.id and v.ordinal < k.ordinal
             where d.workspace_id = app.workspace_id() and d.id = $1",
            [id.0.into()],
        ))
        .await?;
    rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}

async fn remove_uncited(operation: &Operation, id: DocumentId, older: &[Uuid]) -> Result<()> {
    let older = older.iter().map(|id| (*id).into()).collect();
    // Purge: the passages of older versions, and all of a deleted document's. One that is being ingested goes with the purge
    // that its ingestion asks for when it finds itself overtaken.
    operation
        .execute_raw(statement(
            "delete from public.chunks c using public.documents d
             where c.workspace_id = app.workspace_id() and c.document_id = $1
               and d.workspace_id = c.workspace_id and d.id = c.document_id
               and (d.deleted_at is not null or c.document_version_id = any ($2))
               and not exists (select from public.ingestions i where i.workspace_id = c.workspace_id
                 and i.document_version_id = c.document_version_id and i.status in ('QUEUED', 'RUNNING'))",
            [id.0.into(), sea_orm::Value::Array(ArrayType::Uuid, Some(Box::new(older)))],
        ))
        .await?;
    // Purge: search finds nothing of a deleted document, so nothing holds its versions but citations.
    operation
        .execute_raw(statement(
            "update public.documents set current_version_id = null
             where workspace_id = app.workspace_id() and id = $1 and deleted_at is not null",
            [id.0.into()],
        ))
        .await?;
    // Purge: the texts of a deleted document that no answer cites.
    operation
        .execute_raw(statement(
            "delete from public.document_versions v using public.documents d
             where v.workspace_id = app.workspace_id() and v.document_id = $1
               and d.workspace_id = v.workspace_id and d.id = v.document_id and d.deleted_at is not null
               and not exists (select from public.ingestions i where i.workspace_id = v.workspace_id
                 and i.document_version_id = v.id and i.status in ('QUEUED', 'RUNNING'))
               and not exists (select from public.citations c
                               where c.workspace_id = v.workspace_id and c.document_version_id = v.id)",
            [id.0.into()],
        ))
        .await?;
    Ok(())
}
