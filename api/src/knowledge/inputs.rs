//! What the mutations of knowledge take and give.

use async_graphql::{InputObject, MaybeUndefined, SimpleObject};
use chrono::{DateTime, Utc};
use entity::id::{CollectionId, DocumentId, Given, IngestionId};

use super::service::{NewUpload, Ticket};
use super::types::{Collection, Document, Ingestion};
use crate::graphql::Secret;

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

/// A document to make. Its text is one of `text`, `markdown`, `html` and `upload`.
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
    /// A file that you will send past GraphQL: the answer's `upload` says where to. Until it has arrived, the ingestion's
    /// `waitReason` is UPLOAD.
    pub upload: Option<DocumentUploadInput>,
}

/// A file that will be sent to the address in the answer.
#[derive(InputObject)]
pub struct DocumentUploadInput {
    /// The name of the file, for people: 1 to 255 characters. It is kept, and decides nothing.
    pub filename: Option<String>,
    /// The media type: `text/plain`, `text/markdown` or `text/html`, in UTF-8.
    pub content_type: String,
    /// The size of the file in bytes, exactly: 1 to the server's limit, which is 32 MiB unless it was set.
    pub size_bytes: i32,
    /// SHA-256 of the file in 64 hexadecimal digits: other bytes are refused. Not checked unless sent here or with the file.
    pub sha256: Option<String>,
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
    /// A new text as a file that you will send past GraphQL: the answer's `upload` says where to. It is always a new version,
    /// and the current one serves until the file has arrived and is ingested.
    pub upload: Option<DocumentUploadInput>,
}

/// The document that was made or changed; `ingestion` follows its text on the way into search.
#[derive(SimpleObject)]
pub struct DocumentPayload {
    /// The document.
    pub document: Document,
    /// Where to send the file; null unless `upload` was sent.
    pub upload: Option<DocumentUpload>,
}

/// Where and how to send a file: one request, whose body is the file as it is.
#[derive(SimpleObject)]
pub struct DocumentUpload {
    /// The address, relative to the one of the API: `new URL(url, endpoint)`. Whoever has it can send the file, so keep it to
    /// yourself; it needs no other credentials. Null in an answer that is given again, because it is shown once.
    pub url: Secret,
    /// The method: PUT.
    pub method: &'static str,
    /// The headers to send with it.
    pub headers: Vec<DocumentUploadHeader>,
    /// The file must have arrived by then. If it has not, the ingestion has FAILED with UPLOAD_EXPIRED.
    pub expires_at: DateTime<Utc>,
}

/// One header of the request that sends a file.
#[derive(SimpleObject)]
pub struct DocumentUploadHeader {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

impl From<DocumentUploadInput> for NewUpload {
    fn from(input: DocumentUploadInput) -> Self {
        let DocumentUploadInput { filename, content_type, size_bytes, sha256 } = input;
        Self { filename, content_type, size_bytes, sha256 }
    }
}

impl From<Ticket> for DocumentUpload {
    fn from(ticket: Ticket) -> Self {
        Self {
            url: Secret(format!("/uploads/{}", ticket.token)),
            method: "PUT",
            headers: vec![DocumentUploadHeader { name: "content-type", value: ticket.content_type }],
            expires_at: ticket.expires_at,
        }
    }
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
