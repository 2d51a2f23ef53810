//! Mutations of knowledge.

use async_graphql::{Context, Object};

use super::collections::{self, ChangedCollection, NewCollection};
use super::inputs::{
    CollectionCreateInput, CollectionCreatePayload, CollectionDeleteInput, CollectionDeletePayload,
    CollectionUpdateInput, CollectionUpdatePayload, DocumentCreateInput, DocumentDeleteInput,
    DocumentDeletePayload, DocumentPayload, DocumentUpdateInput, DocumentUpload, IngestionRetryInput,
    IngestionRetryPayload,
};
use super::service::{self, ChangedDocument, NewDocument, NewUpload, Sources};
use super::types::{Collection, Document, Ingestion};
use crate::error::Result;
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
        let new = NewCollection { id: input.id, name: input.name, description: input.description };
        let operation = request.operation().await?;
        let row = collections::create(&operation, request.id(), new).await?;
        Ok(CollectionCreatePayload { collection: Collection::from(row) })
    }

    /// Changes a collection. Needs the permission collection:write.
    async fn collection_update(
        &self,
        context: &Context<'_>,
        input: CollectionUpdateInput,
    ) -> Result<CollectionUpdatePayload> {
        let request = request(context)?;
        let change = ChangedCollection {
            id: input.id,
            version: input.version,
            name: input.name,
            description: input.description.into(),
        };
        let operation = request.operation().await?;
        let row = collections::update(&operation, request.id(), change).await?;
        Ok(CollectionUpdatePayload { collection: Collection::from(row) })
    }

    /// Deletes a collection; a CONFLICT while documents stand in it. Its name is free at once. Needs the permissions
    /// collection:write and document:read.
    async fn collection_delete(
        &self,
        context: &Context<'_>,
        input: CollectionDeleteInput,
    ) -> Result<CollectionDeletePayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let deleted_id = collections::delete(&operation, request.id(), (input.id, input.version)).await?;
        Ok(CollectionDeletePayload { deleted_id })
    }

    /// Makes a document and queues its ingestion; `ingestion { status }` says when search finds it. Needs document:write.
    async fn document_create(
        &self,
        context: &Context<'_>,
        input: DocumentCreateInput,
    ) -> Result<DocumentPayload> {
        let request = request(context)?;
        let new = NewDocument {
            id: input.id,
            collection_id: input.collection_id,
            title: input.title,
            sources: Sources {
                text: input.text,
                markdown: input.markdown,
                html: input.html,
                upload: input.upload.map(NewUpload::from),
            },
        };
        let operation = request.operation().await?;
        let (row, ticket) = service::create(&operation, request.id(), request.app().limits(), new).await?;
        Ok(DocumentPayload { document: Document::from(row), upload: ticket.map(DocumentUpload::from) })
    }

    /// Changes a document. A text that differs becomes a new version; the old one serves until it is ingested. Needs
    /// document:write.
    async fn document_update(
        &self,
        context: &Context<'_>,
        input: DocumentUpdateInput,
    ) -> Result<DocumentPayload> {
        let request = request(context)?;
        let change = ChangedDocument {
            id: input.id,
            version: input.version,
            title: input.title,
            sources: Sources {
                text: input.text,
                markdown: input.markdown,
                html: input.html,
                upload: input.upload.map(NewUpload::from),
            },
        };
        let operation = request.operation().await?;
        let (row, ticket) = service::update(&operation, request.id(), request.app().limits(), change).await?;
        Ok(DocumentPayload { document: Document::from(row), upload: ticket.map(DocumentUpload::from) })
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
        let deleted_id = service::delete(&operation, request.id(), (input.id, input.version)).await?;
        Ok(DocumentDeletePayload { deleted_id })
    }

    /// Queues a failed ingestion again. Needs document:write.
    async fn ingestion_retry(
        &self,
        context: &Context<'_>,
        input: IngestionRetryInput,
    ) -> Result<IngestionRetryPayload> {
        let request = request(context)?;
        let operation = request.operation().await?;
        let row = service::retry_ingestion(&operation, request.id(), &input.id).await?;
        Ok(IngestionRetryPayload { ingestion: Ingestion::from(row) })
    }
}
