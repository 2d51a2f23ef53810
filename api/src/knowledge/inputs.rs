//! What the mutations of knowledge take and give.

use async_graphql::{InputObject, MaybeUndefined, SimpleObject};
use entity::id::{CollectionId, DocumentId, Given, IngestionId};

use super::types::{Collection, Document, Ingestion};

/// A collection to make.
#[derive(InputObject)]
pub struct CollectionCreateInput {
    /// An id of your own making, so that the object can be shown before the answer is there: a TypeID `collection_…` whose UUID is
    /// of version 7. It tells when it was made: not more than 24 hours behind the server's clock,
    /// not more than 10 minutes ahead. One that exists is a CONFLICT. Made by the server unless sent.
    pub id: Option<Given<CollectionId>>,
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

/// What is to change of a collection. What is absent stays.
#[derive(InputObject)]
pub struct CollectionUpdateInput {
    /// The collection.
    pub id: Given<CollectionId>,
    /// The `version` of the collection that the change was made against.
    pub version: i32,
    /// A new name: 1 to 200 characters. Null keeps it, too.
    pub name: Option<String>,
    /// A new description: at most 2,000 characters. Null removes it.
    pub description: MaybeUndefined<String>,
}

/// The collection that was changed.
#[derive(SimpleObject)]
pub struct CollectionUpdatePayload {
    /// The collection.
    pub collection: Collection,
}

/// The collection to delete.
#[derive(InputObject)]
pub struct CollectionDeleteInput {
    /// The collection, in which no document stands.
    pub id: Given<CollectionId>,
    /// The `version` that is to be deleted: CONFLICT if somebody changed it in the meantime. Any version unless sent.
    pub version: Option<i32>,
}

/// The collection that was deleted.
#[derive(SimpleObject)]
pub struct CollectionDeletePayload {
    /// Its id.
    pub deleted_id: CollectionId,
}

/// A document to make. Its text is one of `text`, `markdown` and `html`.
#[derive(InputObject)]
pub struct DocumentCreateInput {
    /// An id of your own making, so that the object can be shown before the answer is there: a TypeID `document_…` whose UUID is
    /// of version 7. It tells when it was made: not more than 24 hours behind the server's clock,
    /// not more than 10 minutes ahead. One that exists is a CONFLICT. Made by the server unless sent.
    pub id: Option<Given<DocumentId>>,
    /// The collection.
    pub collection_id: Given<CollectionId>,
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
    pub id: Given<DocumentId>,
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
    pub id: Given<DocumentId>,
    /// The `version` that is to be deleted: CONFLICT if somebody changed it in the meantime. Any version unless sent.
    pub version: Option<i32>,
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
    pub id: Given<IngestionId>,
}

/// The ingestion that was queued again.
#[derive(SimpleObject)]
pub struct IngestionRetryPayload {
    /// The ingestion.
    pub ingestion: Ingestion,
}
