//! What the mutations of knowledge take and give.

use async_graphql::{InputObject, SimpleObject};
use entity::id::{CollectionId, DocumentId, IngestionId};

use super::types::{Collection, Document, Ingestion};

/// A collection to make.
#[derive(InputObject)]
pub struct CollectionCreateInput {
    /// The name, unique in the workspace: 1 to 200 characters.
    pub name: String,
    /// What stands in it: at most 2,000 characters.
    pub description: Option<String>,
}

/// The collection that was made.
#[derive(SimpleObject)]
pub struct CollectionCreatePayload {
    /// The collection.
    pub collection: Collection,
}

/// A document to make. Its text is one of `text`, `markdown` and `html`.
#[derive(InputObject)]
pub struct DocumentCreateInput {
    /// The collection.
    pub collection_id: CollectionId,
    /// The title to show: 1 to 500 characters.
    pub title: String,
    /// Plain text.
    pub text: Option<String>,
    /// Markdown.
    pub markdown: Option<String>,
    /// HTML.
    pub html: Option<String>,
}

/// What is to change of a document. What is absent stays.
#[derive(InputObject)]
pub struct DocumentUpdateInput {
    /// The document.
    pub id: DocumentId,
    /// The `version` of the document that the change was made against.
    pub version: i32,
    /// A new title: 1 to 500 characters.
    pub title: Option<String>,
    /// A new text, as plain text.
    pub text: Option<String>,
    /// A new text, as Markdown.
    pub markdown: Option<String>,
    /// A new text, as HTML.
    pub html: Option<String>,
}

/// The document that was made or changed; `ingestion` follows its text on the way into search.
#[derive(SimpleObject)]
pub struct DocumentPayload {
    /// The document.
    pub document: Document,
}

/// The document to delete.
#[derive(InputObject)]
pub struct DocumentDeleteInput {
    /// The document.
    pub id: DocumentId,
}

/// The document that was deleted.
#[derive(SimpleObject)]
pub struct DocumentDeletePayload {
    /// Its id.
    pub deleted_id: DocumentId,
}

/// The ingestion to retry.
#[derive(InputObject)]
pub struct IngestionRetryInput {
    /// The ingestion, which must have FAILED.
    pub id: IngestionId,
}

/// The ingestion that was queued again.
#[derive(SimpleObject)]
pub struct IngestionRetryPayload {
    /// The ingestion.
    pub ingestion: Ingestion,
}
