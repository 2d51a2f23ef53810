//! Mutations of knowledge.

use async_graphql::{Context, Object};
use entity::document_version::DocumentFormat;

use super::inputs::{
    CollectionCreateInput, CollectionCreatePayload, DocumentCreateInput, DocumentDeleteInput,
    DocumentDeletePayload, DocumentPayload, DocumentUpdateInput, IngestionRetryInput, IngestionRetryPayload,
};
use super::service::{self, ChangedDocument, Content, NewDocument};
use super::types::{Collection, Document, Ingestion};
use crate::error::{Error, Result};
use crate::graphql::request;

/// Mutations of knowledge.
#[derive(Default)]
pub struct KnowledgeMutation;

#[Object]
impl KnowledgeMutation {
    /// Makes a collection. Needs the permission collection:write.
    async fn collection_create(
        &self,
        context: &Context<'_>,
        input: CollectionCreateInput,
    ) -> Result<CollectionCreatePayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row =
            service::create_collection(&operation, request.id(), &input.name, input.description.as_deref())
                .await?;
        Ok(CollectionCreatePayload { collection: Collection::from(row) })
    }

    /// Makes a document and queues its ingestion; `ingestion { status }` says when search finds it. Needs document:write.
    async fn document_create(
        &self,
        context: &Context<'_>,
        input: DocumentCreateInput,
    ) -> Result<DocumentPayload> {
        let request = request(context)?;
        let source = source(input.text, input.markdown, input.html)?.ok_or_else(|| {
            Error::field("input.text", "REQUIRED", "Send one of `text`, `markdown` and `html`.")
        })?;
        let new = NewDocument { collection_id: input.collection_id, title: input.title, content: source };
        let operation = request.operation().await?;
        let limit = request.app().limits().max_document_bytes;
        let row = service::create(&operation, request.id(), limit, new).await?;
        Ok(DocumentPayload { document: Document::from(row) })
    }

    /// Changes a document. A text that differs becomes a new version; the old one serves until it is ingested. Needs
    /// document:write.
    async fn document_update(
        &self,
        context: &Context<'_>,
        input: DocumentUpdateInput,
    ) -> Result<DocumentPayload> {
        let request = request(context)?;
        let source = source(input.text, input.markdown, input.html)?;
        let change =
            ChangedDocument { id: input.id, version: input.version, title: input.title, content: source };
        let operation = request.operation().await?;
        let limit = request.app().limits().max_document_bytes;
        let row = service::update(&operation, request.id(), limit, change).await?;
        Ok(DocumentPayload { document: Document::from(row) })
    }

    /// Deletes a document. Search finds it no more; versions that an answer cites are kept with the citation. Needs
    /// document:write.
    async fn document_delete(
        &self,
        context: &Context<'_>,
        input: DocumentDeleteInput,
    ) -> Result<DocumentDeletePayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        Ok(DocumentDeletePayload { deleted_id: service::delete(&operation, request.id(), input.id).await? })
    }

    /// Queues a failed ingestion again. Needs document:write.
    async fn ingestion_retry(
        &self,
        context: &Context<'_>,
        input: IngestionRetryInput,
    ) -> Result<IngestionRetryPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row = service::retry_ingestion(&operation, request.id(), input.id).await?;
        Ok(IngestionRetryPayload { ingestion: Ingestion::from(row) })
    }
}

/// The one text of an input; none where there is none.
fn source(text: Option<String>, markdown: Option<String>, html: Option<String>) -> Result<Option<Content>> {
    let given =
        [(DocumentFormat::Text, text), (DocumentFormat::Markdown, markdown), (DocumentFormat::Html, html)];
    let mut given =
        given.into_iter().filter_map(|(format, source)| Some(Content { format, source: source? }));
    let content = given.next();
    if given.next().is_some() {
        return Err(Error::field(
            "input.text",
            "EXCLUSIVE",
            "Send only one of `text`, `markdown` and `html`.",
        ));
    }
    Ok(content)
}
