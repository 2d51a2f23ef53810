//! The job `document.purge`: removes what search must not find any more, and what nobody cites.
//!
//! It runs after a deletion, and some time after a newer version was published: by then no search that began with the old
//! points is still reading back. Running it again does nothing more.

use entity::document;
use entity::id::{DocumentId, DocumentVersionId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

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
    let dedupe_key = format!("{KIND}:{}:{}", id.0, correlation_id);
    enqueue(operation, NewJob { kind: KIND, subject_id: id.0, dedupe_key, delay_ms, correlation_id }).await
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
        drop(operation);
        let Some(row) = row else {
            // The starter may not read it any more; the next purge of the document does it.
            return Ok(context.finish(context.operation().await?).await?);
        };
        let kept: Option<DocumentVersionId> = row.current_version_id.filter(|_| row.deleted_at.is_none());
        if let Some(index) = index {
            let vectors = context.app().vectors().for_workspace(context.job().workspace_id.0);
            let done = match kept {
                Some(version) => {
                    vectors.delete_versions_of_document_except(index.id.0, id.0, &[version.0]).await
                }
                None => vectors.delete_document(index.id.0, id.0).await,
            };
            done.map_err(|error| super::vectors::failure(&error))?;
        }
        let operation = context.operation().await?;
        remove_uncited(&operation, id, kept).await?;
        Ok(context.finish(operation).await?)
    }

    async fn retry(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }

    async fn abandon(&self, _: &JobContext, _: &Operation, _: &JobFailure) -> Result<()> {
        Ok(())
    }
}

async fn remove_uncited(
    operation: &Operation,
    id: DocumentId,
    kept: Option<DocumentVersionId>,
) -> Result<()> {
    // Purge: passages of versions that are neither current nor newer than the current one.
    operation
        .execute_raw(statement(
            "delete from public.chunks c using public.document_versions v, public.documents d
             where c.workspace_id = app.workspace_id() and c.document_id = $1
               and v.workspace_id = c.workspace_id and v.id = c.document_version_id
               and d.workspace_id = c.workspace_id and d.id = c.document_id
               and (d.deleted_at is not null or v.ordinal < (select ordinal from public.document_versions k
                    where k.workspace_id = c.workspace_id and k.id = $2))",
            [id.0.into(), kept.map(|version| version.0).into()],
        ))
        .await?;
    // Purge: the texts of a deleted document that no answer cites.
    operation
        .execute_raw(statement(
            "with gone as (update public.documents set current_version_id = null
               where workspace_id = app.workspace_id() and id = $1 and deleted_at is not null returning workspace_id, id)
             delete from public.document_versions v using gone
             where v.workspace_id = gone.workspace_id and v.document_id = gone.id
               and not exists (select from public.citations c
                               where c.workspace_id = v.workspace_id and c.document_version_id = v.id)",
            [id.0.into()],
        ))
        .await?;
    Ok(())
}
